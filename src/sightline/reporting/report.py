"""The stage report: pictures of what went in, what was learnt and what went wrong."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from sightline.config import ReportConfig
from sightline.data.label_table import choose_samples
from sightline.data.validation.findings import select_findings
from sightline.evaluation import label_errors, mistakes
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import Stage
from sightline.records import (
    DatasetFiles,
    Evaluation,
    FileRecord,
    LabelErrors,
    Mistake,
    ModelBlueprint,
    Report,
    Run,
    Saliency,
    TrainedModel,
)
from sightline.reporting.figures import grid
from sightline.reporting.figures.calibration import draw_calibration
from sightline.reporting.figures.confusion import draw_confusion_matrix
from sightline.reporting.figures.curves import draw_curves
from sightline.reporting.figures.layers import draw_layers
from sightline.reporting.figures.robustness import draw_robustness
from sightline.reporting.figures.saliency import draw_saliency
from sightline.reporting.figures.thumbnail import write_thumbnail
from sightline.storage.npy import open_mapped

if TYPE_CHECKING:
    import pandas as pd

_PICTURES_BYTES, _THUMBNAIL_BYTES = 2 << 20, 16 << 10
"""Room for the pictures, and for the thumbnail of a mistake."""

_DOUBTS = 24
"""Doubtful labels that are shown; the table has all."""

_FINDINGS, _FINDINGS_BYTES = 24, 32 << 20
"""Most findings that are shown; fewer where the images are large."""


def report(
    run: Run,
    files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ReportConfig,
) -> Report:
    """Draw the pictures of a run.

    Args:
        run: Where to work.
        files: Gives samples and the test images.
        blueprint: Gives the layers.
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
        run.workspace.check_room(needed, "The pictures of the report")
        worst, total = _worst_mistakes(run, files, evaluation, settings.mistakes)
        rows = [mistake.index for mistake in worst]
        images = open_mapped(run.workspace.root / files.images["test"].path)[rows]
        draw_layers(draft.path("layers.png"), blueprint)
        draw_curves(draft.path("curves.png"), _history(run, trained))
        grid.draw_mistakes(draft.path("mistakes.png"), images, worst)
        drawn = [
            "layers",
            "curves",
            "mistakes",
            *_draw_data(run, files, draft),
            *_draw_measures(run, files, evaluation, draft),
        ]
        return Report(
            figures={name: draft.record(f"{name}.png") for name in drawn},
            thumbnails=_thumbnails(draft, images),
            mistakes=worst,
            mistakes_total=total,
        )

    key = REPORT.key(files, blueprint, trained, evaluation, settings)
    return find_or_make(run, REPORT, key, make)


REPORT = Stage(
    report,
    ("matplotlib", "pillow", "pandas"),
    reads=frozenset({"inspection"}),  # the figures show findings
)


def _draw_data(run: Run, files: DatasetFiles, draft: Draft) -> Iterator[str]:
    """Draw what the images show; yield the pictures' names."""
    chosen, names = choose_samples(run.workspace, files)
    title = f"Training images of {files.dataset}"
    grid.draw_samples(draft.path("samples.png"), chosen, names, title)
    yield "samples"
    if _draw_findings(run, files, draft):
        yield "findings"


def _draw_measures(
    run: Run, files: DatasetFiles, evaluation: Evaluation, draft: Draft
) -> Iterator[str]:
    """Draw what was measured; yield the pictures' names."""
    draw_confusion_matrix(
        draft.path("confusion_matrix.png"), evaluation.confusion, files.class_names
    )
    yield "confusion_matrix"
    if evaluation.calibration is not None:
        draw_calibration(draft.path("calibration.png"), evaluation.calibration, evaluation.coverage)
        yield "calibration"
    if evaluation.robustness is not None:
        draw_robustness(draft.path("robustness.png"), evaluation.robustness)
        yield "robustness"
    if evaluation.saliency is not None:
        _draw_saliency(run, files, evaluation, evaluation.saliency, draft.path("saliency.png"))
        yield "saliency"
    if evaluation.label_errors is not None and evaluation.label_errors.found:
        _draw_label_errors(run, files, evaluation.label_errors, draft.path("label_errors.png"))
        yield "label_errors"


def _draw_saliency(
    run: Run, files: DatasetFiles, evaluation: Evaluation, saliency: Saliency, path: Path
) -> None:
    rows = list(saliency.indexes)
    explained, _ = _worst_mistakes(run, files, evaluation, len(rows))
    images = open_mapped(run.workspace.root / files.images["test"].path)[rows]
    maps = open_mapped(run.workspace.root / saliency.maps.path)
    draw_saliency(path, images, maps, explained)


def _draw_label_errors(run: Run, files: DatasetFiles, found: LabelErrors, path: Path) -> None:
    doubts = label_errors.read(run.workspace.root / found.table.path, files.class_names, _DOUBTS)
    images = open_mapped(run.workspace.root / files.images["train"].path)
    grid.draw_label_errors(path, images[[doubt.index for doubt in doubts]], doubts)


def _draw_findings(run: Run, files: DatasetFiles, draft: Draft) -> bool:
    """Draw some of what ingest found in the images; tell whether there is anything."""
    if files.inspection is None:
        return False
    most = max(1, min(_FINDINGS, _FINDINGS_BYTES // math.prod(files.image_shape)))
    found = select_findings(run.workspace.root / files.inspection.findings.path, most)
    if not found:
        return False
    splits = {
        name: open_mapped(run.workspace.root / file.path) for name, file in files.images.items()
    }
    images = [
        [splits[place.split][place.index] for place in (one.image, one.other) if place]
        for one in found
    ]
    grid.draw_findings(draft.path("findings.png"), found, images, files.class_names)
    return True


def _worst_mistakes(
    run: Run, files: DatasetFiles, evaluation: Evaluation, most: int
) -> tuple[tuple[Mistake, ...], int]:
    predictions = run.workspace.root / evaluation.predictions.path
    return mistakes.most_confident(predictions, files.class_names, most)


def _history(run: Run, trained: TrainedModel) -> "pd.DataFrame":
    path = run.workspace.root / trained.history.path
    history: pd.DataFrame = pq.read_table(path, page_checksum_verification=True).to_pandas()
    return history


def _thumbnails(draft: Draft, images: grid.Images) -> tuple[FileRecord, ...]:
    records = []
    for number, image in enumerate(images, start=1):
        name = f"mistake_{number:03}.png"
        write_thumbnail(draft.path(name), image)
        records.append(draft.record(name))
    return tuple(records)
