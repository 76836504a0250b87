"""State and offset together, durable: what a worker that was killed continues from."""
