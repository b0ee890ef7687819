"""Fit the model: the loop, its input pipeline, checkpoints and device."""
