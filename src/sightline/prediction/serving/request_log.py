"""A record of what was asked and answered, for monitoring: Parquet files by day."""

import asyncio
import logging
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sightline.errors import StorageError
from sightline.storage import files

COLUMNS = pa.schema(
    [
        ("file", pa.string()),
        ("sha256", pa.string()),
        ("predicted", pa.string()),
        ("probability", pa.float32()),
        ("abstained", pa.bool_()),
        ("model", pa.string()),
    ]
)
"""One row an image: the name that its client gave, the digest of the file as sent (of the pixels of
a tensor), the most probable class and its probability, and the model that answered."""

_ROWS, _SECONDS = 5_000, 60.0
_log = logging.getLogger("sightline.serving")


class Row(NamedTuple):
    """A row of the record, see `COLUMNS`."""

    file: str
    sha256: str
    predicted: str
    probability: float
    abstained: bool
    model: str


class RequestLog:
    """Writes `FOLDER/day=2026-11-29/<id>.parquet`, at the latest after a minute."""

    def __init__(self, folder: Path) -> None:
        """Check that the folder can be written; raise StorageError if not."""
        self._folder = folder
        self._rows: list[Row] = []
        self._full = asyncio.Event()
        with files.storage_errors(folder, "--log-requests"):
            folder.mkdir(parents=True, exist_ok=True)
            with files.new_file(folder / ".writable"):
                pass
            (folder / ".writable").unlink()

    def add(self, rows: list[Row]) -> None:
        """Add rows; they are written later."""
        self._rows += rows
        if len(self._rows) >= _ROWS:
            self._full.set()

    async def run(self) -> None:
        """Write the rows from time to time, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_SECONDS):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._full.clear()
            await asyncio.to_thread(self._write, self._take())

    def flush(self) -> None:
        """Write what was added; rows that cannot be written are lost, with a warning."""
        self._write(self._take())

    def _take(self) -> list[Row]:
        """Return what was added; not in another thread than `add`."""
        rows, self._rows = self._rows, []
        return rows

    def _write(self, rows: list[Row]) -> None:
        if not rows:
            return
        day = datetime.now(UTC).date().isoformat()
        path = self._folder / f"day={day}" / f"requests-{uuid.uuid4().hex[:12]}.parquet"
        table = pa.Table.from_pylist([row._asdict() for row in rows], COLUMNS)
        try:
            with files.storage_errors(self._folder, "--log-requests"), files.new_file(path) as new:
                pq.write_table(table, new, write_page_checksum=True)
        except (StorageError, OSError) as error:
            _log.warning("%d rows of the record of requests are lost: %s", len(rows), error)
