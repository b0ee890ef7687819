"""Data sets on object storage, on the Hugging Face Hub or behind an https:// address."""
