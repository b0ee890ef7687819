"""Runs a function over many items in a few threads, in order and with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 4
_AHEAD = 32


def in_order(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Apply a function that frees the interpreter lock, such as decoding or hashing.

    Args:
        function: Called in several threads at once.
        items: Its arguments; drawn only `_AHEAD` ahead of what was consumed.

    Yields:
        The results in the order of the items; the first error is raised in its turn.
    """
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ingest")
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
