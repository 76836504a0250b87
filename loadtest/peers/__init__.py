"""Other ways to do upwell's job, each written as the documentation of its framework teaches; one file per contender."""
