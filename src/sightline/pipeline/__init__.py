"""Stages, their cache, where results come from, and the process that Keras runs in."""
