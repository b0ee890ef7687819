"""Shared parts of the fuzz tests: the number of examples and the checks of each.

The examples are few and always the same; `make test-campaigns DEPTH=full` tries 3,000 per
test, new ones each time.
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
from sightline.data.decoding import form
from sightline.data.decoding.conform import conform
from sightline.data.readers import dispatch
from sightline.errors import DataError
from sightline.records import Run
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_LONGEST_MESSAGE = 1500


def fuzz(test: Callable[..., None]) -> Callable[..., None]:
    """Turn a function with `given` into a bounded test of the campaigns."""
    chosen = settings(
        max_examples=at_depth(150, 3000),
        derandomize=not FULL,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return pytest.mark.campaign(chosen(test))


def read_or_refuse(path: Path, **changes: Any) -> bool:
    """Read a data set as ingest does; return whether it was accepted.

    It must be consistent, or be refused with a message of one line.
    """
    with bounded():
        try:
            _read(path, DataConfig(dataset=str(path), **changes))
        except DataError as error:
            check_message(error)
            return False
    return True


def check_message(error: Exception) -> None:
    """Check that a message is one printable line."""
    message = str(error)
    assert printable(message) == message, repr(message)
    assert len(message) <= _LONGEST_MESSAGE


def _read(path: Path, chosen: DataConfig) -> None:
    run = Run(id="fuzz", workspace=Workspace(path.parent))
    raw, _ = dispatch.open_source(run, locate.locate(chosen), chosen)
    shape = form.target_shape(raw.image_shape, chosen)
    resize = raw.resize or form.choose_resize(chosen.resize, {raw.image_shape[:2]: 1}, shape)
    assert 2 <= len(set(raw.class_names)) == len(raw.class_names)
    for split in raw.splits:
        labels = split.labels
        assert labels.dtype == np.int64
        assert 0 <= labels.min() <= labels.max() < len(raw.class_names)
        count = 0
        for block in split.images():
            pixels = conform(block.images, shape, resize)
            assert (pixels.dtype, pixels.shape[1:]) == (np.uint8, shape)
            assert len(block.digests) == len(pixels)
            count += len(block)
        assert count == len(labels)
        assert split.source(0)
        assert split.source(len(labels) - 1)
