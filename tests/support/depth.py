"""How deep the campaigns go: a bounded share by default, everything with `DEPTH=full`."""

import os
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("SIGHTLINE_TEST_DEPTH") == "full"


def at_depth(bounded: T, full: T) -> T:
    """Return the value for the depth of `make test-campaigns DEPTH=...`."""
    return full if FULL else bounded
