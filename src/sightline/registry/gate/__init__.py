"""The promotion gate: whether a new model is better than the one in use, and not by chance."""
