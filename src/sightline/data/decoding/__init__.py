"""Encoded images to arrays of one form."""
