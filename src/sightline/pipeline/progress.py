"""How far a long step has come: emitted by the domain, shown by whoever listens.

The command line listens to draw bars, a Prefect task to update its artifact, the Keras
process to pass everything on to its parent.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import Field

from sightline.records import Record


class Progress(Record):
    """One step forward.

    Attributes:
        stage: What is going on, such as "train" or "ingest".
        done: Steps done.
        total: Steps in all; None where nobody knows.
        unit: What is counted, such as "images" or "bytes".
        epoch: The epoch, from 1; only in training.
        epochs: Epochs in all; only in training.
        facts: Numbers of the moment, such as loss, accuracy and images_per_second.
        epoch_done: Whether this closes an epoch.
    """

    stage: str
    done: int
    total: int | None = None
    unit: str = "steps"
    epoch: int | None = None
    epochs: int | None = None
    facts: dict[str, float] = Field(default_factory=dict)
    epoch_done: bool = False


Listener = Callable[[Progress], None]

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with all progress that is emitted in this process meanwhile."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def emit(progress: Progress) -> None:
    """Tell all listeners."""
    for listener in list(_listeners):
        listener(progress)
