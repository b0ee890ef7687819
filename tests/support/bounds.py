"""Limit the time and memory of one example of a fuzz test."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SECONDS = 60  # An example takes milliseconds: this is a hang
_BYTES = 768 << 20
"""A few blocks and images of the largest accepted size, and the stacks of some threads."""


class Hang(BaseException):
    """Not an `Exception`, which readers treat as damage."""


@contextmanager
def bounded() -> Iterator[None]:
    """Interrupt the block if it hangs, and limit its memory."""
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
