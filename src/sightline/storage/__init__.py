"""Atomic files, locks, digests, NPY blocks and checksummed JSON."""
