"""The files of scores: Parquet, a row an image, all of one model."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sightline.errors import InputError
from sightline.prediction.scoring.place import Scores
from sightline.storage.text import quoted

_GROUP_ROWS = 5_000
_MODEL = b"sightline.model_sha256"

SCORES = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("predicted", pa.string()),
        pa.field("probability", pa.float32()),
        pa.field("probabilities", pa.list_(pa.float32())),
        pa.field("abstained", pa.bool_(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("model", pa.string(), nullable=False),
        pa.field("scored_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("brightness", pa.float32()),
        pa.field("contrast", pa.float32()),
        pa.field("features", pa.list_(pa.float32())),
    ]
)
"""One row an image.

- `file`: its path below the data, with `#<row>` in a Parquet file; `version`: size and time of
  change of the file, or its ETag, "" if it cannot be opened; `sha256`: digest of the encoded image.
- `predicted`, `probability`: the most probable class and its probability; without one, `error` says
  why the image could not be read. `probabilities`: of all classes, if asked for.
- `abstained`: whether the probability is below the requested minimum.
- `model`: name of the model; `scored_at`: in UTC.
- `brightness`, `contrast`, `features`: as in `profile_sample.COLUMNS`, the last only of the images
  that are compared with the test images: up to 1,000 of a part, those of the smallest digests.
"""

COPIES = pa.schema([SCORES.field(name) for name in ("file", "version", "sha256")])


def digest_of(model_sha256: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Return a digest of a model and of what identifies images."""
    digest = hashlib.sha256(model_sha256.encode())
    for row in rows:
        digest.update("\0".join((*row, "\n")).encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def write(scores: Scores, name: str, table: pa.Table, model_sha256: str) -> None:
    """Write a file of rows of a model; it appears complete or not at all."""
    labelled = table.replace_schema_metadata({_MODEL: model_sha256})
    with scores.new_file(name) as path:
        pq.write_table(labelled, path, row_group_size=_GROUP_ROWS, write_page_checksum=True)


def name_of(digest: str, when: datetime) -> str:
    """Return the name of a part below the folder of the scores."""
    return f"day={when:%Y-%m-%d}/part-{digest}.parquet"


def read(paths: Iterable[Path], model_sha256: str, columns: list[str]) -> Iterator[Any]:
    """Yield record batches of those files that hold rows of a model.

    Raises InputError if a file is damaged.
    """
    for path in paths:
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                if (file.schema_arrow.metadata or {}).get(_MODEL) == model_sha256.encode():
                    yield from file.iter_batches(columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{path} cannot be read as scores ({quoted(error)}); restore it from a copy, or "
                "remove it to score its images again."
            ) from None
