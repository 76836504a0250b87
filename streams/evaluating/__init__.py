"""Measuring quality on files of recorded events: what `upwell evaluate` does, one module a task."""
