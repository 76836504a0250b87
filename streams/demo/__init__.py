"""The demo: a stage to play on, the play itself, the numbers while it runs, and the story afterwards."""
