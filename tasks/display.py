"""What is only shown must never cost what is done, and appears as it is."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prefect.artifacts import create_table_artifact

from sightline.reporting.page import escape_markdown

_log = logging.getLogger("sightline.tasks")


@contextmanager
def display_only() -> Iterator[None]:
    """Log what goes wrong while something is shown in Prefect, and go on."""
    try:
        yield
    except Exception:
        _log.warning("Prefect could not be told of the progress; the run goes on", exc_info=True)


def show_table(rows: Sequence[dict[str, Any]], *, key: str, description: str) -> None:
    """Create a table artifact whose texts appear literally.

    Prefect's pages read the description and every cell that is a string as Markdown, so that a
    class name could put a link or a picture there.

    Args:
        rows: One dictionary a row, column to value.
        key: Key of the artifact.
        description: A line above the table.
    """
    literal = [
        {
            name: escape_markdown(value) if isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in rows
    ]
    create_table_artifact(literal, key=key, description=escape_markdown(description))
