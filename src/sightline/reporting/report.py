"""The stage report: figures of the data, the training, the evaluation and the mistakes."""

from collections.abc import Iterable
from itertools import chain

from sightline.config import ReportConfig
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import Stage
from sightline.records import (
    DatasetFiles,
    Evaluation,
    Figures,
    ModelBlueprint,
    Report,
    Run,
    TrainedModel,
)
from sightline.reporting import data_figures, report_figures, thumbnails
from sightline.reporting.data_figures import Figure
from sightline.reporting.report_figures import Inputs

_FIGURES_BYTES, _THUMBNAIL_BYTES, _SMALL_BYTES = 2 << 20, 16 << 10, 4 << 10
"""Estimated size of all figures, of the thumbnail of a mistake, and of a small thumbnail."""


def report(
    run: Run,
    files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ReportConfig,
) -> Report:
    """Draw the figures of a run. Raises StorageError if the disk is too full."""
    inputs = Inputs(run.workspace, files, evaluation)

    def make(draft: Draft) -> Report:
        data = data_figures.draw_data(run, files, evaluation.neighbors)
        training = report_figures.training(inputs, blueprint, trained)
        return _draw(inputs, settings, training, draft, data)

    key = REPORT.key(files, blueprint, trained, evaluation, settings)
    return find_or_make(run, REPORT, key, make)


def report_evaluation(
    run: Run, files: DatasetFiles, evaluation: Evaluation, settings: ReportConfig
) -> Report:
    """Draw the figures of an evaluation without a training; errors as `report`."""
    inputs = Inputs(run.workspace, files, evaluation)
    key = REPORT_EVALUATION.key(files, evaluation, settings)
    return find_or_make(
        run,
        REPORT_EVALUATION,
        key,
        lambda draft: _draw(inputs, settings, data_figures.findings(run.workspace, files), draft),
    )


_LIBRARIES = ("matplotlib", "pillow")

REPORT = Stage(
    report,
    _LIBRARIES,
    reads=frozenset({"inspection", "augmented_views"}),  # figures show both
)
REPORT_EVALUATION = Stage(report_evaluation, _LIBRARIES, reads=frozenset({"inspection"}))


def _draw(
    inputs: Inputs,
    settings: ReportConfig,
    first: Iterable[Figure],
    draft: Draft,
    data: Figures | None = None,
) -> Report:
    """Draw some figures, those of the evaluation, and all thumbnails; copy those of the data."""
    small = thumbnails.MOST_SMALL * _SMALL_BYTES
    needed = _FIGURES_BYTES + settings.mistakes * _THUMBNAIL_BYTES + small
    inputs.workspace.check_room(needed, "The figures of the report")
    test, evaluation = inputs.images("test"), inputs.evaluation
    mistakes, total = inputs.mistakes(len(test))
    worst = mistakes[: settings.mistakes]
    images = test[[mistake.index for mistake in worst]]
    drawn = chain(first, report_figures.tested(inputs, images, worst))
    own, shared = data_figures.write(draft, drawn), Figures(figures={})
    if data is not None:
        shared = data_figures.copy(draft, inputs.workspace, data)
    return Report(
        figures=shared.figures | own.figures,
        page_figures=shared.page_figures | own.page_figures,
        dark_figures=shared.dark_figures | own.dark_figures,
        entry=shared.entry,
        thumbnails=thumbnails.of_mistakes(draft, images),
        mistakes=worst,
        mistakes_total=total,
        label_errors=inputs.label_errors(),
        confusions=tuple(thumbnails.of_confusions(draft, test, evaluation, mistakes)),
        class_examples=thumbnails.of_classes(draft, inputs.workspace, inputs.files, evaluation),
    )
