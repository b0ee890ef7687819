"""What the fuzz tests have in common: how often they try, and what must hold each time.

The examples are few and always the same; `make test-campaigns DEPTH=full` tries 3,000 a test, and
others each time.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from bounds import bounded
from depth import FULL, at_depth
from sightline.config import DataConfig
from sightline.data import locate
from sightline.data.readers import dispatch, pixels
from sightline.data.readers.base import Examples
from sightline.errors import DataError
from sightline.records import Run
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_LONGEST_MESSAGE = 1500


def fuzz(test: Callable[..., None]) -> Callable[..., None]:
    """Make a function with `given` a bounded test of the campaigns."""
    chosen = settings(
        max_examples=at_depth(150, 3000),
        derandomize=not FULL,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return pytest.mark.campaign(chosen(test))


def read_or_refuse(path: Path, **changes: Any) -> bool:
    """Read a data set as ingest does; tell whether it was accepted.

    It is refused with one line, or what it gives agrees with what it says of itself.
    """
    with bounded():
        try:
            _read(DataConfig(dataset=str(path), **changes))
        except DataError as error:
            check_message(error)
            return False
    return True


def check_message(error: Exception) -> None:
    """A message is one line that a terminal can show."""
    message = str(error)
    assert printable(message) == message, repr(message)
    assert len(message) <= _LONGEST_MESSAGE


def _read(chosen: DataConfig) -> None:
    source = locate.locate(chosen)
    run = Run(id="fuzz", workspace=Workspace(Path(chosen.dataset).parent))
    reading, _ = dispatch.open_source(run, source, chosen)
    shape = pixels.target_shape(reading.image_shape, chosen)
    assert 2 <= len(set(reading.class_names)) == len(reading.class_names)
    for part in reading.examples:
        _check_part(part, len(reading.class_names), shape)


def _check_part(part: Examples, num_classes: int, shape: tuple[int, int, int]) -> None:
    assert part.labels.dtype == np.int64
    assert 0 <= part.labels.min() <= part.labels.max() < num_classes
    count = 0
    for block in pixels.conform(part.blocks(), shape):
        assert block.dtype == np.uint8
        assert block.shape[1:] == shape
        count += len(block)
    assert count == len(part.labels)
    assert part.origin(0)
    assert part.origin(count - 1)
