"""Split the rows of a CSV file by a column such as `Usage` in FER-2013."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.data.layout import UNSPLIT
from sightline.data.readers.csv.csv_table import Table, batches
from sightline.data.split_names import SPLITS, split_of
from sightline.errors import DataError
from sightline.storage.text import quoted

COLUMNS = frozenset({"split", "usage"})  # Names in lower case
_FER = {"publictest": "validation", "privatetest": "test"}


def read_splits(table: Table) -> dict[str, NDArray[np.bool_]]:
    """Return which rows each split has: bool arrays of shape (n,), training first.

    Rows of a single split are `UNSPLIT`. Raises DataError for a row whose split is unknown, and for
    splits without training.
    """
    found: list[str] = []
    for batch in batches(table, {table.split: pa.string()}):
        for text in batch.column(0).to_pylist():
            name = text.strip()
            split = _FER.get(name.lower()) or split_of(name)
            if split is None:
                raise DataError(
                    f"{table.path}, row {len(found)} (counted from 0): expected a split such as "
                    f"train or test in the column {table.split!r}, found {quoted(repr(name))}; fix "
                    "the row, or rename or remove the column."
                )
            found.append(split)
    names = np.array(found)
    splits = {name: names == name for name in dict.fromkeys(SPLITS.values()) if name in found}
    if len(splits) == 1:
        return {UNSPLIT: np.ones(len(names), np.bool_)}
    if "train" not in splits:
        raise DataError(f"{table.path} has no row whose {table.split!r} is train; add some.")
    return splits
