"""Findings about single images, and the table that stores them.

A row names an image and, if another image is the reason, that one as well. The kinds are

- `blank`: a single pixel value; `saturated`: almost entirely black or white;
- `duplicate`: equal to an earlier image of its split; `leak`: equal to one of an earlier split;
- `conflict`: equal to an image with another label;
- `near_duplicate`, `near_leak`: similar to an earlier image of its split, to a training image.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.label_table import read_sources
from sightline.data.validation.duplicates import Rows

KINDS = ("leak", "conflict", "near_leak", "duplicate", "near_duplicate", "blank", "saturated")
"""Most serious first."""

_PLACE = {"split": pa.string(), "index": pa.int64(), "label": pa.int64(), "source": pa.string()}
_SCHEMA = pa.schema(
    {
        "kind": pa.string(),
        **_PLACE,
        **{f"other_{name}": kind for name, kind in _PLACE.items()},
        "distance": pa.int64(),
    }
)


@dataclass(frozen=True)
class Place:
    """Split, index, label and source of an image in the label table."""

    split: str
    index: int
    label: int
    source: str


class Finding(NamedTuple):
    """One row of the table."""

    kind: str
    image: Place
    other: Place | None  # The image that is the reason, if any
    distance: int | None  # Number of bits in which the perceptual hashes of the two differ


class FindingRows(NamedTuple):
    """All findings of one kind, as rows of the label table: int64 arrays of shape (m,)."""

    kind: str
    rows: Rows
    others: Rows | None = None  # None, like the distances, if no other image is involved
    distances: Rows | None = None


@dataclass(frozen=True)
class ExampleIndex:
    """The n examples of a data set, split after split, as in the label table."""

    sizes: dict[str, int]  # Name of each split to its number of examples
    labels: NDArray[np.int16]  # int16 array of shape (n,)
    table: Path  # The label table

    @cached_property
    def splits(self) -> NDArray[np.int8]:
        """Number of each example's split, from 0: int8 array of shape (n,)."""
        return np.repeat(np.arange(len(self.sizes), dtype=np.int8), list(self.sizes.values()))

    @property
    def starts(self) -> Rows:
        """First row of each split: int64 array."""
        return np.cumsum((0, *self.sizes.values()), dtype=np.int64)[:-1]

    def count(self, rows: Rows) -> dict[str, int]:
        """Count the examples of some rows by split."""
        counted = np.bincount(self.splits[rows], minlength=len(self.sizes))
        return dict(zip(self.sizes, counted.tolist(), strict=True))

    def positions(self, rows: Rows) -> Rows:
        """Return the positions of some rows within their splits."""
        found: Rows = rows - self.starts[self.splits[rows]]
        return found

    def columns(self, rows: Rows) -> list[pa.Array]:
        """Return split, index within the split, label and source of some rows."""
        names = pa.DictionaryArray.from_arrays(self.splits[rows], list(self.sizes))
        return [
            names.cast(pa.string()),
            pa.array(self.positions(rows)),
            pa.array(self.labels[rows]),
            read_sources(self.table, rows),
        ]


def write_findings(path: Path, found: Iterable[FindingRows], index: ExampleIndex) -> None:
    """Write the table, kind by kind, smallest distance first."""
    with pq.ParquetWriter(path, _SCHEMA, write_page_checksum=True) as writer:
        for one in found:
            writer.write_table(_table(one, index))


def read_findings(path: Path, per_kind: int) -> dict[str, list[Finding]]:
    """Read the first findings of each kind, in the order of `KINDS`; page checksums are verified.

    Returns the findings by kind, without kinds that have none.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        table = file.read()
    found, start = {}, 0
    for kind in pc.value_counts(table["kind"]).to_pylist():  # they are written kind by kind
        rows = table.slice(start, min(per_kind, kind["counts"]))
        found[kind["values"]] = [_finding(row) for row in rows.to_pylist()]
        start += kind["counts"]
    return {kind: found[kind] for kind in KINDS if kind in found}


def select_findings(path: Path, limit: int) -> list[Finding]:
    """Select at most `limit` findings to show, equally many of each kind, most serious first."""
    by_kind = read_findings(path, limit)
    in_turn = (one for turn in zip_longest(*by_kind.values()) for one in turn if one is not None)
    return sorted(islice(in_turn, limit), key=lambda finding: KINDS.index(finding.kind))


def _finding(row: dict[str, Any]) -> Finding:
    image, other = (
        Place(*(row[f"{prefix}{name}"] for name in _PLACE)) for prefix in ("", "other_")
    )
    return Finding(row["kind"], image, None if other.split is None else other, row["distance"])


def _table(found: FindingRows, index: ExampleIndex) -> pa.Table:
    count = len(found.rows)
    kinds = pa.array([found.kind] * count, pa.string())
    if found.others is None or found.distances is None:
        nulls = [pa.nulls(count)] * (len(_PLACE) + 1)
        columns = [kinds, *index.columns(np.sort(found.rows)), *nulls]
    else:
        order = np.lexsort((found.rows, found.distances))
        images, others = index.columns(found.rows[order]), index.columns(found.others[order])
        columns = [kinds, *images, *others, pa.array(found.distances[order])]
    return pa.table(columns, names=_SCHEMA.names).cast(_SCHEMA)
