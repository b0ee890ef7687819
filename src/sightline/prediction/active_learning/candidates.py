"""The most uncertain images that are new: neither known to the run nor copies of each other."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.dataset
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.decoding.images import EncodedImage
from sightline.data.readers.base import Form
from sightline.data.split_arrays import SelectedImages, StoredImages, blocks, open_images
from sightline.data.validation.near_duplicates import (
    Fingerprints,
    find_near_duplicates,
    fingerprints,
)
from sightline.errors import DataError, InputError
from sightline.prediction import known_images, stream
from sightline.prediction.inputs import absolute
from sightline.records import DatasetFiles
from sightline.storage import digests
from sightline.storage.text import quoted
from sightline.storage.workspace import Workspace

Rows = NDArray[np.int64]

BLOCK = 64
MOST_KNOWN = 20_000  # Training images that are compared by sight, evenly spaced


class Margins(NamedTuple):
    """What the model predicted for n images: 14 bytes each."""

    margins: NDArray[np.float32]  # Difference of the two highest probabilities; 2 if unreadable
    highest: NDArray[np.float32]
    classes: NDArray[np.int16]
    seconds: NDArray[np.int16]  # The second most probable classes

    @classmethod
    def read(cls, table: Path) -> "Margins":
        """Read the table of predictions with probabilities."""
        parts = []
        with pq.ParquetFile(table, page_checksum_verification=True) as file:
            for batch in file.iter_batches(4096, columns=["error", "probabilities"]):
                parts.append(_margins(batch))
        return cls(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _margins(batch: Any) -> Margins:
    is_read = ~np.asarray(batch["error"].is_valid())
    flat = np.asarray(batch["probabilities"].flatten())
    probabilities = np.zeros((len(batch), len(flat) // max(1, int(is_read.sum()))), np.float32)
    probabilities[is_read] = flat.reshape(int(is_read.sum()), -1)
    if probabilities.shape[1] == 0:
        probabilities = np.zeros((len(batch), 2), np.float32)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    first, second = np.take_along_axis(probabilities, order, axis=1).T
    margins = np.where(is_read, first - second, 2).astype(np.float32)
    return Margins(margins, first, *order.T.astype(np.int16))


class Candidate(NamedTuple):
    """An uncertain image: its row in the predictions, its file and the digest of that."""

    row: int
    path: Path
    sha256: str


class Found(NamedTuple):
    """The candidates, the most uncertain first, and how many were left out."""

    candidates: list[Candidate]
    known: int
    duplicates: int


class Search:
    """Looks for candidates from the most uncertain image on."""

    def __init__(
        self,
        workspace: Workspace,
        predictions: Path,
        form: Form,
        known: DatasetFiles | None,
    ) -> None:
        """Look in a table of predictions; compare with the data of the model's run, if known."""
        self._workspace, self._form = workspace, form
        self._predictions = pyarrow.dataset.dataset(predictions)
        self._table = workspace.root / known.labels.path if known else None
        self._training = _sample(workspace, known) if known else None
        self._prints = _prints(self._training) if self._training else None

    @property
    def training(self) -> SelectedImages | None:
        """Training images of the run, evenly spaced; None if they are unknown."""
        return self._training

    def find(self, margins: NDArray[np.float32], wanted: int) -> Found:
        """Find at least `wanted` candidates, or all."""
        order = np.argsort(margins, kind="stable")
        order = order[margins[order] <= 1]
        found, known, duplicates = Found([], 0, 0), 0, 0
        start = 0
        while start < len(order) and len(found.candidates) < wanted:
            part = order[start : start + wanted]
            start += len(part)
            read = self._without_known(self._files(part))
            known += read.known
            together = [*found.candidates, *read.candidates]
            found = self._without_copies(together)
            duplicates += found.duplicates
        return Found(found.candidates, known, duplicates)

    def images(self, candidates: Sequence[Candidate]) -> Iterator[NDArray[np.uint8]]:
        """Decode the images of candidates, block by block.

        Raises DataError if one cannot be read any more.
        """
        named = (
            stream.Named(str(one.path), EncodedImage(str(one.path), one.path)) for one in candidates
        )
        for block in stream.decoded_blocks(named, self._form, BLOCK):
            if block.errors:
                raise DataError(next(iter(block.errors.values())))
            yield block.images

    def _files(self, rows: Rows) -> list[Candidate]:
        """Find the files of some rows of the predictions, by their names: others may be new."""
        names = self._predictions.take(rows, columns=["input"])["input"].to_pylist()
        paths = map(_path, names)
        return [
            Candidate(row, path, _digest(path))
            for row, path in zip(rows.tolist(), paths, strict=True)
        ]

    def _without_known(self, candidates: list[Candidate]) -> Found:
        if self._table is None:
            return Found(candidates, 0, 0)
        wanted = np.array([one.sha256 for one in candidates], "S64")
        is_new = known_images.find(self._table, wanted) == known_images.NEW
        kept = [one for one, new in zip(candidates, is_new, strict=True) if new]
        return Found(kept, len(candidates) - len(kept), 0)

    def _without_copies(self, candidates: list[Candidate]) -> Found:
        """Leave out what equals or resembles an earlier candidate or a training image."""
        first = {one.sha256: one for one in reversed(candidates)}
        kept = [one for one in candidates if first[one.sha256] is one]
        if not kept:
            return Found([], 0, len(candidates))
        ours = _joined(fingerprints(images) for images in self.images(kept))
        prints = _joined([self._prints, ours]) if self._prints else ours
        before = len(prints.hashes) - len(kept)
        splits = np.repeat(np.array([0, 1], np.int8), [before, len(kept)])
        within, across = find_near_duplicates(self._reader(kept, before), prints, splits)
        left_out = {int(row) - before for row in (*within.rows, *across.rows) if row >= before}
        new = [one for row, one in enumerate(kept) if row not in left_out]
        return Found(new, 0, len(candidates) - len(new))

    def _reader(self, candidates: list[Candidate], before: int) -> Callable[[Rows], NDArray[Any]]:
        """Return what reads the images of rows: training images first, then candidates."""

        def read(rows: Rows) -> NDArray[np.uint8]:
            images = np.empty((len(rows), *self._form.shape), np.uint8)
            ours = rows >= before
            if ours.any():
                chosen = [candidates[row - before] for row in rows[ours]]
                images[ours] = np.concatenate(list(self.images(chosen)))
            if self._training is not None and not ours.all():
                images[~ours] = self._training[rows[~ours]]
            return images

        return read


def _path(name: str) -> Path:
    path = absolute(name)
    if "\\udc" in name and not path.exists():  # a byte that `stream.escaped` replaced
        raise InputError(f"The path {quoted(name)} is not valid UTF-8; rename it.")
    return path


def _digest(path: Path) -> str:
    try:
        return digests.sha256(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read any more: {error.strerror}; run again.") from None


def _sample(workspace: Workspace, known: DatasetFiles) -> SelectedImages:
    images: StoredImages = open_images(workspace, known.images["train"])
    rows = np.linspace(0, len(images) - 1, min(len(images), MOST_KNOWN)).astype(np.int64)
    return SelectedImages(images, rows)


def _prints(images: SelectedImages) -> Fingerprints:
    return _joined(fingerprints(images[rows]) for rows in blocks(images))


def _joined(parts: Any) -> Fingerprints:
    hashes, spectra = zip(*parts, strict=True)
    return Fingerprints(np.concatenate(hashes), np.concatenate(spectra))
