"""Measure a trained model, one measure a module."""
