"""Find the column of labels of a table by its name."""

from collections.abc import Sequence

from sightline.config import DataConfig

LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
"""What columns of labels are called, in lower case; the first that a table has is taken."""

DEFAULT: str = DataConfig.model_fields["label_column"].default
"""The name in the config, if nobody set another one."""


def find_label_column(columns: Sequence[str], label_column: str) -> str:
    """Return the configured column or, if that has its default, the only one called alike.

    Returns "" if there is none, or several.
    """
    if label_column in columns:
        return label_column
    named = [name for name in columns if name.strip().lower() in LABEL_COLUMNS]
    return named[0] if label_column == DEFAULT and len(named) == 1 else ""
