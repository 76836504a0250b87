"""What the least is that an event can cost: each thing that has to be done for it, done alone."""
