"""Counts steps of a long reading and tells it at a bearable rate."""

import time

from sightline.pipeline.progress import Progress, emit

INTERVAL = 0.1
"""Shortest time between two progress events, in seconds."""


class Counter:
    """Emits progress at most every `INTERVAL` seconds, and once at the end."""

    def __init__(self, unit: str, total: int | None, stage: str = "ingest") -> None:
        """Start at zero.

        Args:
            unit: What is counted, such as "images" or "bytes".
            total: How many in all; None where nobody knows.
            stage: What is going on.
        """
        self._stage = stage
        self._unit = unit
        self._total = total
        self._done = 0
        self._told = 0.0

    def advance(self, steps: int) -> None:
        """Count more steps."""
        self._done += steps
        now = time.monotonic()
        if self._done == self._total or now - self._told >= INTERVAL:
            self._told = now
            emit(Progress(stage=self._stage, done=self._done, total=self._total, unit=self._unit))
