"""Map a function over many items in threads, in order and in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THREADS = min(4, os.cpu_count() or 1)


def ordered_map(
    function: Callable[[T], R],
    items: Iterable[T],
    batch_size: int = 8,  # passing small images one by one costs more than decoding them
    ahead: int = 5,
    threads: int = _THREADS,
    cancel: Callable[[], object] = lambda: None,
) -> Iterator[R]:
    """Apply a function that releases the interpreter lock, such as decoding or hashing.

    Items are drawn at most `ahead` batches early. An error is raised at most a batch early. At the
    end, also after an error or an interrupt, `cancel` is called, then what is under way is awaited.
    """

    def work(batch: list[T]) -> list[R]:
        return [function(item) for item in batch]

    pool = ThreadPoolExecutor(threads, thread_name_prefix="ingest")
    pending: deque[Future[list[R]]] = deque()
    source = iter(items)
    try:
        while batch := list(islice(source, batch_size)):
            pending.append(pool.submit(work, batch))
            if len(pending) >= ahead:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        cancel()
        pool.shutdown()
