"""Write the table of predictions, row group by row group."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from sightline.prediction.records import Request
from sightline.storage import files
from sightline.storage.text import no_formula

_GROUP_ROWS, _GROUP_BYTES = 65_536, 8 << 20
COLUMNS = pa.schema(
    [
        pa.field("input", pa.string(), nullable=False),
        pa.field("index", pa.int64(), nullable=False),
        ("label", pa.string()),
        ("class", pa.int16()),
        ("probability", pa.float32()),
        pa.field("abstained", pa.bool_(), nullable=False),
        ("error", pa.string()),
    ]
)
"""One row for each image, in order.

- `input`: its file, or `<file>#<row>` in a file of many; `index`: its number among all, from 0.
- `label`, `class`, `probability`: the most probable class, its number in label order and its
  probability.
- `abstained`: whether the probability is below the requested minimum, so that `label` is only a
  guess. It is kept for a person who decides instead, and to distinguish the row from a failure.
- `error`: why an image could not be read; only then is there no label.

In a CSV file, text that a spreadsheet would compute has an apostrophe before it.
"""

_PROBABILITIES = pa.field("probabilities", pa.list_(pa.float32()))
"""The probability of each class, in label order; only if the request asks for it."""

Append = Callable[[Any], None]


def columns(request: Request) -> pa.Schema:
    """Return the columns of the table of a request."""
    return COLUMNS.append(_PROBABILITIES) if request.with_probabilities else COLUMNS


@contextmanager
def open_table(request: Request) -> Iterator[Append]:
    """Create the table of a request; yield a function that appends a record batch of its `columns`.

    Raises StorageError if there is no room.
    """
    if request.table is None:
        yield lambda _: None
        return
    path = Path(request.table)
    group: list[Any] = []

    def append(batch: Any) -> None:
        group.append(_without_formulas(batch) if request.format == "csv" else batch)
        rows = sum(len(one) for one in group)
        if rows >= _GROUP_ROWS or sum(one.nbytes for one in group) >= _GROUP_BYTES:
            writer.write_table(pa.Table.from_batches(group))
            group.clear()

    with files.storage_errors(path.parent, "--output"), _open_writer(request, path) as writer:
        yield append
        if group:
            writer.write_table(pa.Table.from_batches(group))


def _without_formulas(batch: Any) -> Any:
    for place, field in enumerate(batch.schema):
        if pa.types.is_string(field.type):
            cells = [cell and no_formula(cell) for cell in batch[place].to_pylist()]
            batch = batch.set_column(place, field, pa.array(cells, field.type))
    return batch


def _open_writer(request: Request, path: Path) -> Any:
    if request.format == "csv":
        return pyarrow.csv.CSVWriter(path, columns(request))
    metadata = {
        "sightline.model": request.model.name,
        "sightline.model_sha256": request.model.sha256,
        "sightline.abstain_below": json.dumps(request.abstain_below),
    }
    schema = columns(request).with_metadata(metadata)
    return pq.ParquetWriter(path, schema, write_page_checksum=True)
