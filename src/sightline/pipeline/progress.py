"""Progress of long steps: emitted by the domain, shown by whoever listens.

The command line listens to draw bars, a Prefect task to update its artifact, and the Keras process
to forward everything to its parent.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import Field

from sightline.records import Record

INTERVAL = 0.1  # Shortest time between two progress events of a counter, in seconds


class Progress(Record):
    """One step forward."""

    stage: str  # What is running, such as "train" or "ingest"
    done: int  # Completed steps
    total: int | None = None  # All steps; None if unknown
    unit: str = (
        "steps"  # What is counted, such as "images" or "bytes"; "" at a stage's start and end
    )
    epoch: int | None = None  # The epoch, from 1; only in training
    epochs: int | None = None  # All epochs; only in training
    # Current numbers, such as loss, accuracy and images_per_second
    facts: dict[str, float] = Field(default_factory=dict)
    epoch_done: bool = False  # Whether this completes an epoch

    def step(self) -> str:
        """Describe the completed steps, such as "1,024 of 4,096 images"."""
        of = f" of {self.total:,}" if self.total else ""
        return f"{self.done:,}{of} {self.unit}"

    def listed_facts(self) -> str:
        """List the facts, such as "loss 0.1234, accuracy 98.76%, 900 images/s"."""
        shown = []
        for name, value in self.facts.items():
            if name == "images_per_second":
                shown.append(f"{value:,.0f} images/s")
            elif name.endswith("accuracy"):
                shown.append(f"{name} {value:.2%}")
            else:
                shown.append(f"{name} {value:.4f}")
        return ", ".join(shown)


Listener = Callable[[Progress], None]

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with all progress that is emitted in this process within the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def emit(progress: Progress) -> None:
    """Send progress to all listeners."""
    for listener in list(_listeners):
        listener(progress)


@dataclass
class Counter:
    """Emits progress at most every `INTERVAL` seconds, and once at the end."""

    unit: str
    total: int | None
    stage: str = "ingest"
    done: int = 0  # Steps before the first one that is counted
    _emitted: float = field(default=0.0, init=False)

    def advance(self, steps: int) -> None:
        """Count more steps."""
        self.done += steps
        now = time.monotonic()
        if self.done == self.total or now - self._emitted >= INTERVAL:
            self._emitted = now
            emit(Progress(stage=self.stage, done=self.done, total=self.total, unit=self.unit))
