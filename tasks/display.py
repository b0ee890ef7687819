"""What is only shown must never cost what is done."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger("sightline.tasks")


@contextmanager
def display_only() -> Iterator[None]:
    """Log what goes wrong while something is shown in Prefect, and go on."""
    try:
        yield
    except Exception:
        _log.warning("Prefect could not be told of the progress; the run goes on", exc_info=True)
