"""What is odd about single images: the kinds of findings, and the table of them.

A row names an image and, where another one is the reason, that one as well. The kinds are

- `blank`: all pixels alike; `saturated`: black or white almost everywhere;
- `duplicate`: equal to an earlier image of its split; `leak`: equal to a training image;
- `conflict`: equal to an image with another label;
- `near_duplicate`, `near_leak`: much like an earlier image of its split, a training image.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.label_table import read_sources

KINDS = ("leak", "conflict", "near_leak", "duplicate", "near_duplicate", "blank", "saturated")
"""The gravest first."""

Rows = NDArray[np.int64]

_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("split", pa.string()),
        ("index", pa.int64()),
        ("label", pa.int64()),
        ("source", pa.string()),
        ("other_split", pa.string()),
        ("other_index", pa.int64()),
        ("other_label", pa.int64()),
        ("other_source", pa.string()),
        ("distance", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Place:
    """Where an image stands: split and index as in the label table, and its label."""

    split: str
    index: int
    label: int


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    Attributes:
        other: The image that is the reason, where there is one.
        distance: Bits in which the perceptual hashes of the two differ.
    """

    kind: str
    image: Place
    other: Place | None
    distance: int | None


@dataclass(frozen=True)
class Found:
    """All findings of one kind; rows are counted over all splits, one after the other.

    Attributes:
        rows: int64 array of shape (m,).
        others: int64 array of shape (m,), or None where no other image is concerned.
        distances: int64 array of shape (m,), or None.
    """

    kind: str
    rows: Rows
    others: Rows | None = None
    distances: Rows | None = None


@dataclass(frozen=True)
class Examples:
    """The n examples of a data set, split after split, as in the label table.

    Attributes:
        names: Names of the splits.
        sizes: Images of each.
        splits: int8 array of shape (n,): place of the split in `names`.
        labels: int16 array of shape (n,).
        table: Their label table, which says where each came from.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    splits: NDArray[np.int8]
    labels: NDArray[np.int16]
    table: Path

    def count(self, rows: Rows) -> dict[str, int]:
        """Count the examples of some rows, split by split."""
        counted = np.bincount(self.splits[rows], minlength=len(self.names))
        return dict(zip(self.names, counted.tolist(), strict=True))

    def indexes(self, rows: Rows) -> Rows:
        """Return the place within their split of some rows."""
        starts = np.cumsum((0, *self.sizes), dtype=np.int64)
        found: Rows = rows - starts[self.splits[rows]]
        return found

    def columns(self, rows: Rows) -> list[pa.Array]:
        """Return split, index within the split, label and source of some rows."""
        names = pa.DictionaryArray.from_arrays(self.splits[rows], list(self.names))
        return [
            names.cast(pa.string()),
            pa.array(self.indexes(rows)),
            pa.array(self.labels[rows]),
            read_sources(self.table, rows),
        ]


def write(path: Path, found: Iterable[Found], examples: Examples) -> None:
    """Write the table, kind by kind; of a kind the least distant first.

    Args:
        path: Parquet file to write; pages carry checksums.
        found: What was found, at most once a kind.
        examples: What the rows are of.
    """
    with pq.ParquetWriter(path, _SCHEMA, write_page_checksum=True) as writer:
        for one in found:
            writer.write_table(_table(one, examples))


def read_first(path: Path, most: int) -> dict[str, list[Finding]]:
    """Read the first findings of each kind.

    Args:
        path: The Parquet file; pages are checked.
        most: How many of each kind.

    Returns:
        Kind to its findings, in the order of `KINDS`; kinds without any are left out.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        table = file.read()
    found = {}
    for kind in KINDS:
        rows = table.filter(pc.equal(table["kind"], kind)).slice(0, most)
        if len(rows):
            found[kind] = [_finding(row) for row in rows.to_pylist()]
    return found


def choose(path: Path, most: int) -> list[Finding]:
    """Choose findings to show: as many of each kind as there is room, the gravest kinds first.

    Args:
        path: The Parquet file; pages are checked.
        most: How many in all.
    """
    first = read_first(path, most)
    in_turn = (one for turn in zip_longest(*first.values()) for one in turn if one is not None)
    chosen = list(islice(in_turn, most))
    return sorted(chosen, key=lambda finding: KINDS.index(finding.kind))


def _finding(row: dict[str, Any]) -> Finding:
    image, other = (
        Place(*(row[f"{prefix}{name}"] for name in ("split", "index", "label")))
        for prefix in ("", "other_")
    )
    return Finding(row["kind"], image, None if other.split is None else other, row["distance"])


def _table(found: Found, examples: Examples) -> pa.Table:
    count = len(found.rows)
    distances = np.zeros(count) if found.distances is None else found.distances
    order = np.lexsort((found.rows, distances))
    others: Sequence[pa.Array] = [
        pa.nulls(count, kind) for kind in (pa.string(), pa.int64(), pa.int64(), pa.string())
    ]
    if found.others is not None:
        others = examples.columns(found.others[order])
    distance = (
        pa.nulls(count, pa.int64()) if found.distances is None else pa.array(found.distances[order])
    )
    kinds = pa.array([found.kind], pa.string()).take(pa.array(np.zeros(count, dtype=np.int64)))
    columns = [kinds, *examples.columns(found.rows[order]), *others, distance]
    return pa.table(columns, names=_SCHEMA.names).cast(_SCHEMA)
