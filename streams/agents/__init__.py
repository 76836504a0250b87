"""The three agents: shoppers, affinity, learner. Each is a fold; the loop around them is `streams.micro_batches`."""
