"""Scoring of images as they arrive: each image once by each model, and what became of them."""
