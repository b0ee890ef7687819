"""The table of predictions, written row group by row group."""

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
"""A row an image, in order.

- `input`: its file, or `<file>#<row>` in a file of many; `index`: its number among all, from 0.
- `label`, `class`, `probability`: the most probable class, its number in label order and its
  probability.
- `abstained`: whether that is less than was asked for: `label` is then a guess, and no answer. It
  is kept, since whoever decides instead wants to see it, and a row without one could not be told
  from one that failed.
- `error`: why an image could not be read; then alone there is no label.
"""

Append = Callable[[Any], None]


@contextmanager
def opened(request: Request) -> Iterator[Append]:
    """Begin the table that a request asks for.

    Args:
        request: Names the file and its format, and the model that its metadata tell of.

    Yields:
        A function that takes the next rows, a pyarrow record batch of `COLUMNS`.

    Raises:
        StorageError: There is no room.
    """
    if request.table is None:
        yield lambda _: None
        return
    path = Path(request.table)
    with files.storage_errors(path.parent, "--output"), _writer(request, path) as writer:
        group = _Group(writer)
        yield group.append
        group.flush()


class _Group:
    """Gathers rows until they make a row group."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._batches: list[Any] = []
        self._rows = self._bytes = 0

    def append(self, batch: Any) -> None:
        self._batches.append(batch)
        self._rows += len(batch)
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._batches:
            self._writer.write_table(pa.Table.from_batches(self._batches))
        self._batches.clear()
        self._rows = self._bytes = 0


def _writer(request: Request, path: Path) -> Any:
    if request.form == "csv":
        return pyarrow.csv.CSVWriter(path, COLUMNS)
    told = {
        "sightline.model": request.served.name,
        "sightline.model_sha256": request.served.sha256,
        "sightline.abstain_below": json.dumps(request.abstain_below),
    }
    return pq.ParquetWriter(path, COLUMNS.with_metadata(told), write_page_checksum=True)
