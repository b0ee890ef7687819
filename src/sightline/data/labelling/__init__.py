"""The labels of a data set, and the names of its classes."""
