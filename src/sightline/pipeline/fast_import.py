"""Keras and TensorFlow imported in half the time."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sightline.pipeline import provenance

_LARGE = {"matplotlib", "sklearn", "jax"}


@contextmanager
def quick_import() -> Iterator[None]:
    """Leave out what nobody calls while Keras is imported within the block.

    Keras and TensorFlow import some large libraries, where they find them, for functions that
    nobody calls here; whoever needs one imports it later. And what is just being imported is no
    garbage yet, however often one looks.
    """
    large = _LARGE - {provenance.keras_backend()}
    needless = {name for name in large if name not in sys.modules}
    for name in needless:
        sys.modules[name] = None  # type: ignore[assignment] # importing it fails
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        for name in needless:
            del sys.modules[name]
