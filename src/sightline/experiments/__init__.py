"""Run folders: list, compare, reproduce, verify and pin them."""
