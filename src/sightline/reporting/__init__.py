"""The stage report: pictures of what went in, what was learnt and what went wrong."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline import figures, findings, samples
from sightline.arrays import open_mapped
from sightline.caching import Draft, find_or_make
from sightline.config import ReportConfig
from sightline.files import check_room
from sightline.records import (
    DatasetFiles,
    Evaluation,
    FileRecord,
    Mistake,
    Report,
    Run,
    TrainedModel,
)
from sightline.stages import REPORT

if TYPE_CHECKING:
    import pandas as pd

_PICTURES_BYTES, _THUMBNAIL_BYTES = 2 << 20, 16 << 10
"""Room for the four pictures, and for the thumbnail of a mistake."""

_FINDINGS, _FINDINGS_BYTES = 24, 32 << 20
"""Most findings that are shown; fewer where the images are large."""

_BLOCK = 4 << 20
"""Probabilities that are held at once."""


def report(
    run: Run,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ReportConfig,
) -> Report:
    """Draw the pictures of a run.

    Args:
        run: Where to work.
        files: Gives samples and the test images.
        trained: Gives the history.
        evaluation: Gives the predictions and the confusion matrix.
        settings: How many mistakes to show.

    Returns:
        The pictures and the worst mistakes.

    Raises:
        StorageError: The disk has too little room.
    """

    def make(draft: Draft) -> Report:
        needed = _PICTURES_BYTES + settings.mistakes * _THUMBNAIL_BYTES
        check_room(run.root, needed, "The pictures of the report")
        mistakes, total = _worst_mistakes(run, files, evaluation, settings.mistakes)
        rows = [mistake.index for mistake in mistakes]
        images = open_mapped(run.root / files.images["test"].path)[rows]
        chosen, labels = samples.choose(run.root, files)
        title = f"Training images of {files.dataset}"
        figures.draw_samples(draft.path("samples.png"), chosen, labels, title)
        figures.draw_curves(draft.path("curves.png"), _history(run, trained))
        figures.draw_confusion_matrix(
            draft.path("confusion_matrix.png"), evaluation.confusion, files.class_names
        )
        figures.draw_mistakes(draft.path("mistakes.png"), images, mistakes)
        names = ["samples", "curves", "confusion_matrix", "mistakes"]
        names += ["findings"] if _draw_findings(run, files, draft) else []
        return Report(
            figures={name: draft.record(f"{name}.png") for name in names},
            thumbnails=_thumbnails(draft, images),
            mistakes=mistakes,
            mistakes_total=total,
        )

    key = REPORT.key(files, trained, evaluation, settings)
    return find_or_make(run, REPORT, key, make)


def _history(run: Run, trained: TrainedModel) -> "pd.DataFrame":
    path = run.root / trained.history.path
    history: pd.DataFrame = pq.read_table(path, page_checksum_verification=True).to_pandas()
    return history


def _draw_findings(run: Run, files: DatasetFiles, draft: Draft) -> bool:
    """Draw some of what ingest found in the images; tell whether there is anything."""
    if files.inspection is None:
        return False
    most = max(1, min(_FINDINGS, _FINDINGS_BYTES // math.prod(files.image_shape)))
    found = findings.choose(run.root / files.inspection.findings.path, most)
    if not found:
        return False
    splits = {name: open_mapped(run.root / file.path) for name, file in files.images.items()}
    images = [
        [splits[place.split][place.index] for place in (one.image, one.other) if place]
        for one in found
    ]
    figures.draw_findings(draft.path("findings.png"), found, images, files.class_names)
    return True


def _worst_mistakes(
    run: Run, files: DatasetFiles, evaluation: Evaluation, most: int
) -> tuple[tuple[Mistake, ...], int]:
    """Find the wrong predictions with the highest probability, and count all wrong ones."""
    wrong = _wrong_predictions(run, files, evaluation)
    worst = np.lexsort((wrong["index"], -wrong["probability"]))[:most]
    mistakes = tuple(
        Mistake(
            index=int(wrong["index"][row]),
            label=files.class_names[wrong["label"][row]],
            predicted=files.class_names[wrong["predicted"][row]],
            probability=float(wrong["probability"][row]),
            label_probability=float(wrong["label_probability"][row]),
        )
        for row in worst
    )
    return mistakes, len(wrong["index"])


def _wrong_predictions(
    run: Run, files: DatasetFiles, evaluation: Evaluation
) -> dict[str, NDArray[Any]]:
    """Collect index, label, predicted and the probability of both where they differ.

    The table is read in blocks: with a thousand classes it is far larger than what is wrong.
    """
    classes = len(files.class_names)
    columns = ["index", "label", "predicted", *(f"probability_{n}" for n in range(classes))]
    found: dict[str, list[NDArray[Any]]] = {}
    path = run.root / evaluation.predictions.path
    with pq.ParquetFile(path, page_checksum_verification=True) as predictions:
        for batch in predictions.iter_batches(max(1, _BLOCK // classes), columns=columns):
            index, label, predicted, *by_class = (column.to_numpy() for column in batch.columns)
            probabilities = np.stack(by_class)
            wrong = np.flatnonzero(label != predicted)
            values = {
                "index": index[wrong],
                "label": label[wrong],
                "predicted": predicted[wrong],
                "probability": probabilities[predicted[wrong], wrong],
                "label_probability": probabilities[label[wrong], wrong],
            }
            for name, block in values.items():
                found.setdefault(name, []).append(block)
    return {name: np.concatenate(blocks) for name, blocks in found.items()}


def _thumbnails(draft: Draft, images: figures.Images) -> tuple[FileRecord, ...]:
    records = []
    for number, image in enumerate(images, start=1):
        name = f"mistake_{number:03}.png"
        figures.write_thumbnail(draft.path(name), image)
        records.append(draft.record(name))
    return tuple(records)
