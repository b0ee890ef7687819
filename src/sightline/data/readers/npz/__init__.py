"""NPZ archives."""
