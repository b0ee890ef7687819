"""Delete old runs, cache entries and leftovers."""
