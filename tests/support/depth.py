"""How deep the campaigns go: a bounded share by default, everything with `DEPTH=full`."""

import os
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("SIGHTLINE_TEST_DEPTH") == "full"


def at_depth(bounded: T, full: T) -> T:
    """Return what fits the depth that `make test-campaigns DEPTH=...` asked for."""
    return full if FULL else bounded
