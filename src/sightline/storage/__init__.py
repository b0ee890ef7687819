"""Files that appear complete or not at all, locks, NPY blocks and checksummed JSON."""
