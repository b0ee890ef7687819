"""Read images and labels, one format a module."""
