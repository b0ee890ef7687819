"""What is known of a data set, announced before its images are decoded, to whoever listens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sightline.records import DatasetFacts

Listener = Callable[[DatasetFacts, float], None]
"""Takes the facts, and the seconds that ingest will take; 0 if it is cached."""

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with the first facts that are announced in this process within the block."""

    def once(facts: DatasetFacts, seconds: float) -> None:
        _listeners.remove(once)
        listener(facts, seconds)

    _listeners.append(once)
    try:
        yield
    finally:
        if once in _listeners:
            _listeners.remove(once)


def is_awaited() -> bool:
    """Return whether anybody listens: an estimate takes time."""
    return bool(_listeners)


def announce(facts: DatasetFacts, seconds: float = 0.0) -> None:
    """Send facts to all listeners."""
    for listener in list(_listeners):
        listener(facts, seconds)
