"""Bounds around one example of a fuzz test: no hang, no memory that grows with what a file says."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SECONDS = 60
"""A hang, not slowness: an example takes milliseconds."""

_BYTES = 768 << 20
"""A few blocks and images of the largest size that is read, and the stacks of some threads."""


class Hang(BaseException):
    """Not an `Exception`, which readers rightly take for damage."""


@contextmanager
def bounded() -> Iterator[None]:
    """Stop the block where it hangs, and refuse it memory beyond a bound."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + _BYTES, limits[1]))
    previous = signal.signal(signal.SIGALRM, _hangs)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _hangs(*_: object) -> None:
    raise Hang(f"still busy after {_SECONDS} s")


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
