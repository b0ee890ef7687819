"""What a group of tests shares, and ends with the group: an idle server takes a tenth of a core."""

from contextlib import ExitStack

shared = ExitStack()
"""Closed after the last test of each group."""
