"""Score images and write their parts. Runs in the Keras process."""

import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sightline.data.decoding import images
from sightline.data.decoding.parallel import ordered_map
from sightline.data.readers.base import Form
from sightline.errors import ModelFileError
from sightline.evaluation import profile_sample
from sightline.evaluation.predictions_table import Floats
from sightline.models import keras_files, penultimate
from sightline.pipeline import progress
from sightline.prediction import keras_side, stream
from sightline.prediction.predicted import Predicted, predict_block
from sightline.prediction.scoring import arrivals, parts
from sightline.prediction.scoring.arrivals import Content
from sightline.prediction.scoring.ledger import Ledger
from sightline.prediction.scoring.place import Scores
from sightline.prediction.scoring.records import Scored, ScoreRequest
from sightline.prediction.stream import Block, Named
from sightline.records import ModelMetadata, Run

_READS_AHEAD = 16
_PART_SECONDS = 600  # A part is closed after this time, so that a kill costs no more


def score(run: Run, request: ScoreRequest) -> Scored:
    """Score the images of a request, part by part; see `score.score`."""
    scores = Scores(run.workspace, request.name)
    with scores.alone(), images.silence_bomb_warnings():
        return _Scoring(scores, request).score()


class _Block(NamedTuple):
    """A predicted block of m images."""

    found: Predicted  # Its probabilities end with the features
    brightness: Floats  # (m,)
    contrast: Floats


class _Scoring:
    """One scoring, whose caller keeps all others out."""

    def __init__(self, scores: Scores, request: ScoreRequest) -> None:
        self._scores, self._request = scores, request
        self._ledger = Ledger(scores, request.model.sha256)
        path, sha256 = Path(request.model.path), request.model.sha256
        model, stored = keras_files.read_with_metadata(path, sha256)
        self._metadata: ModelMetadata = keras_side.metadata_of(model, request.model, stored)
        self._model = penultimate.with_features(model)
        self._size = keras_side.block_size(self._metadata)
        self._read: deque[Content] = deque()  # What the blocks to come are made of
        self._copies: list[tuple[str, str, str]] = []
        self._counts = {"known": 0, "images": 0, "failed": 0, "abstained": 0, "copies": 0}
        self._parts: list[str] = []
        self._first_error: str | None = None

    def score(self) -> Scored:
        started = time.monotonic()
        rows: list[Any] = []
        begun, counter = started, progress.Counter("images", None, "score")
        for block in self._blocks():
            rows.append(self._rows(block))
            counter.advance(len(rows[-1]))
            full = sum(map(len, rows)) >= self._request.part_images
            if full or time.monotonic() - begun > _PART_SECONDS:
                self._write(rows)
                rows, begun = [], time.monotonic()
        self._write(rows)
        self._write_copies()
        return Scored(
            name=self._scores.name,
            folder=str(self._scores.folder),
            model=self._request.model.name,
            parts=tuple(self._parts),
            first_error=self._first_error,
            seconds=round(time.monotonic() - started, 3),
            **self._counts,
        )

    def _blocks(self) -> Iterator[_Block]:
        form = Form(self._metadata.image_shape, self._metadata.resize, white=self._metadata.white)
        blocks = stream.decoded_blocks(self._new(), form, self._size)
        # As in a prediction, one thread lets the model work while rows are collected
        predict = partial(_predict, self._model, self._size)
        return ordered_map(predict, blocks, batch_size=1, ahead=2, threads=1)

    def _new(self) -> Iterator[Named]:
        """Yield the images whose content is new, and remember what was read of them."""
        root = arrivals.find(self._request.data)
        found = arrivals.unknown(root, self._ledger.has, partial(self._count, "known"))
        for content in ordered_map(arrivals.Arrival.read, found, 1, _READS_AHEAD):
            if content is None:
                continue
            arrival = content.arrival
            if self._ledger.has(arrival.name, arrival.version):  # again it cannot be read
                self._count("known", 1)
            elif self._ledger.add(arrival.name, arrival.version, content.sha256):
                self._read.append(content)
                yield Named(arrival.name, content.image)
            else:
                self._copies.append((arrival.name, arrival.version, content.sha256))
                self._count("copies", 1)

    def _rows(self, block: _Block) -> Any:
        """Return the rows of a block, all with features."""
        found, classes = block.found, len(self._metadata.class_names)
        probabilities, features = np.split(found.probabilities, [classes], axis=1)
        if not np.isfinite(probabilities).all():
            raise ModelFileError(
                f"{self._request.model.path} gives probabilities that are not finite; its weights "
                "are damaged: train again, or use another model."
            )
        count = len(probabilities)
        contents = [self._read.popleft() for _ in range(count)]
        failed = np.isin(np.arange(count), list(found.errors))
        highest = probabilities.max(axis=1)
        abstained = ~failed & (highest < self._request.abstain_below)
        errors = [found.errors.get(row) for row in range(count)]
        self._count("images", count)
        self._count("failed", int(failed.sum()))
        self._count("abstained", int(abstained.sum()))
        self._first_error = self._first_error or next(iter(found.errors.values()), None)
        names = pa.array(self._metadata.class_names)
        kept = failed if self._request.with_probabilities else np.ones(count, np.bool_)
        columns = [
            found.names,
            [content.sha256 for content in contents],
            names.take(pa.array(probabilities.argmax(axis=1), mask=failed)),
            pa.array(highest, mask=failed),
            pa.array(list(probabilities), pa.list_(pa.float32()), mask=kept),
            abstained,
            pa.array(errors, pa.string()),
            [self._request.model.short_name] * count,
            [datetime.now(UTC)] * count,
            [content.arrival.version for content in contents],
            pa.array(block.brightness, mask=failed),
            pa.array(block.contrast, mask=failed),
            pa.array(list(profile_sample.project(features)), pa.list_(pa.float32()), mask=failed),
        ]
        return pa.record_batch(columns, schema=parts.SCORES)

    def _write(self, rows: list[Any]) -> None:
        """Write the rows as a part."""
        if not rows:
            return
        sha256, table = self._request.model.sha256, _with_few_features(pa.Table.from_batches(rows))
        identities = zip(*(table[name].to_pylist() for name in parts.COPIES.names), strict=True)
        name = parts.name_of(parts.digest_of(sha256, identities), datetime.now(UTC))
        parts.write(self._scores, name, table, sha256)
        self._parts.append(name)

    def _write_copies(self) -> None:
        """Write the names of copies; only at the end, since their content is known by a part."""
        if self._copies:
            sha256, columns = self._request.model.sha256, zip(*self._copies, strict=True)
            table = pa.table([pa.array(column) for column in columns], schema=parts.COPIES)
            name = f"_copies/{parts.digest_of(sha256, self._copies)}.parquet"
            parts.write(self._scores, name, table, sha256)

    def _count(self, what: str, images: int) -> None:
        self._counts[what] += images


def _predict(model: keras.Model, size: int, block: Block) -> _Block:
    return _Block(predict_block(model, size, block), *profile_sample.appearance(block.images))


def _with_few_features(table: pa.Table) -> pa.Table:
    """Keep the features of the readable images with the smallest digests: a random sample.

    Those of several parts together give such a sample again.
    """
    digests, features = np.array(table["sha256"].to_pylist()), table["features"].combine_chunks()
    readable = np.flatnonzero(features.is_valid())
    kept = np.zeros(len(digests), np.bool_)
    kept[readable[np.argsort(digests[readable], kind="stable")[: profile_sample.IMAGES]]] = True
    place = table.schema.get_field_index("features")
    chosen = pc.if_else(kept, features, None)
    return table.set_column(place, table.schema.field("features"), chosen)
