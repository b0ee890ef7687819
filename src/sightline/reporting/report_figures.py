"""The figures of a report, each with the function that draws it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from sightline.data.split_arrays import StoredImages, open_images
from sightline.evaluation import label_errors
from sightline.evaluation.predictions import most_confident_mistakes, sample_correct
from sightline.records import (
    DatasetFiles,
    Evaluation,
    FileRecord,
    Mistake,
    ModelBlueprint,
    TrainedModel,
)
from sightline.reporting.data_figures import Figure
from sightline.reporting.figures.augmentation import draw_augmentation
from sightline.reporting.figures.calibration import draw_calibration
from sightline.reporting.figures.confusion import draw_confusion_matrix
from sightline.reporting.figures.correct import draw_correct
from sightline.reporting.figures.curves import History, draw_curves
from sightline.reporting.figures.grid import (
    Images,
    draw_label_errors,
    draw_mistakes,
)
from sightline.reporting.figures.layers import draw_layers
from sightline.reporting.figures.robustness import draw_robustness
from sightline.reporting.figures.saliency import draw_saliency
from sightline.reporting.figures.threshold_curves import draw_threshold_curves
from sightline.storage.npy import open_mapped
from sightline.storage.workspace import Workspace

_LABEL_ERRORS = 24  # Most label errors that are drawn; the table has all
_CORRECT = 12  # Most correct predictions that are drawn
_MOST_LAYERS = 60  # Two columns; more are illegible, and the page lists them in a table


class Inputs(NamedTuple):
    """What the figures show."""

    workspace: Workspace
    files: DatasetFiles
    evaluation: Evaluation

    def path(self, record: FileRecord) -> Path:
        """Return the path of a file."""
        return self.workspace.root / record.path

    def images(self, split: str) -> StoredImages:
        """Open the images of a split."""
        return open_images(self.workspace, self.files.images[split])

    def mistakes(self, limit: int) -> tuple[tuple[Mistake, ...], int]:
        """Return the most confident mistakes on the test split, and the number of all."""
        predictions = self.path(self.evaluation.predictions)
        return most_confident_mistakes(predictions, self.files.class_names, limit)

    def label_errors(self) -> tuple[Mistake, ...]:
        """Return the likeliest label errors; none if labels were not checked."""
        found = self.evaluation.label_errors
        if found is None:
            return ()
        return label_errors.read(self.path(found.table), self.files.class_names, _LABEL_ERRORS)


def training(inputs: Inputs, blueprint: ModelBlueprint, trained: TrainedModel) -> Iterator[Figure]:
    """Yield the figures of the network and its training."""
    if len(blueprint.layers) <= _MOST_LAYERS:
        yield "layers", partial(draw_layers, blueprint=blueprint)
    steps = _table(inputs, trained.steps) if trained.steps else None
    yield "curves", partial(draw_curves, history=_table(inputs, trained.history), steps=steps)
    if trained.augmented_views is not None:
        views = open_mapped(inputs.path(trained.augmented_views))
        yield "augmentation", partial(draw_augmentation, views=views)


def tested(inputs: Inputs, images: Images, worst: tuple[Mistake, ...]) -> Iterator[Figure]:
    """Yield the figures of the evaluation; `images` are those of the worst mistakes."""
    yield "mistakes", partial(draw_mistakes, images=images, mistakes=worst)
    yield from _correct(inputs)
    yield from _measurements(inputs)


def _correct(inputs: Inputs) -> Iterator[Figure]:
    names, table = inputs.files.class_names, inputs.path(inputs.evaluation.predictions)
    found = sample_correct(table, len(names), _CORRECT)
    if len(found.index):
        labels = [names[label] for label in found.label]
        images = inputs.images("test")[found.index]
        draw = partial(draw_correct, images=images, labels=labels, confidence=found.confidence)
        yield "correct", draw


def _table(inputs: Inputs, file: FileRecord) -> History:
    with pq.ParquetFile(inputs.path(file), page_checksum_verification=True) as table:
        columns = table.read().to_pydict()  # needs no pandas, unlike `to_numpy`
    return {name: np.array(values, np.float64) for name, values in columns.items()}


def _measurements(inputs: Inputs) -> Iterator[Figure]:
    found, names = inputs.evaluation, inputs.files.class_names
    matrix = partial(draw_confusion_matrix, confusion=found.confusion, class_names=names)
    yield "confusion_matrix", matrix
    if found.threshold_curves is not None:
        points = open_mapped(inputs.path(found.threshold_curves.points))
        draw_curves = partial(draw_threshold_curves, found=found.threshold_curves, curves=points)
        yield "threshold_curves", partial(draw_curves, class_names=names)
    if found.calibration is not None:
        draw = partial(draw_calibration, calibration=found.calibration)
        yield "calibration", partial(draw, coverage=found.coverage)
    if found.robustness is not None:
        yield "robustness", partial(draw_robustness, robustness=found.robustness)
    if found.saliency is not None:
        rows = list(found.saliency.indexes)
        explained, _ = inputs.mistakes(len(rows))
        maps = open_mapped(inputs.path(found.saliency.maps))
        images = inputs.images("test")[rows]
        yield "saliency", partial(draw_saliency, images=images, maps=maps, mistakes=explained)
    if errors := inputs.label_errors():
        images = inputs.images("train")[[error.index for error in errors]]
        yield "label_errors", partial(draw_label_errors, images=images, errors=errors)
