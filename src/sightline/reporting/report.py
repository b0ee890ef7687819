"""The stage report: figures of the data, the training, the evaluation and the mistakes."""

from collections.abc import Iterable
from itertools import chain

from sightline.config import ReportConfig
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import Stage
from sightline.records import (
    DatasetFiles,
    Evaluation,
    FileRecord,
    ModelBlueprint,
    Report,
    Run,
    TrainedModel,
)
from sightline.reporting import report_figures, thumbnails
from sightline.reporting.figures import canvas, webp
from sightline.reporting.report_figures import Figure, Inputs

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
        training = chain(
            report_figures.findings(inputs), report_figures.training(inputs, blueprint, trained)
        )
        return _draw(inputs, settings, chain(report_figures.samples(inputs), training), draft)

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
        lambda draft: _draw(inputs, settings, report_figures.findings(inputs), draft),
    )


_LIBRARIES = ("matplotlib", "pillow", "pandas")

REPORT = Stage(
    report,
    _LIBRARIES,
    reads=frozenset({"inspection", "augmented_views"}),  # figures show both
)
REPORT_EVALUATION = Stage(report_evaluation, _LIBRARIES, reads=frozenset({"inspection"}))


def _draw(inputs: Inputs, settings: ReportConfig, first: Iterable[Figure], draft: Draft) -> Report:
    """Draw some figures, those of the evaluation, and all thumbnails."""
    small = thumbnails.MOST_SMALL * _SMALL_BYTES
    needed = _FIGURES_BYTES + settings.mistakes * _THUMBNAIL_BYTES + small
    inputs.workspace.check_room(needed, "The figures of the report")
    test, evaluation = inputs.images("test"), inputs.evaluation
    mistakes, total = inputs.mistakes(len(test))
    worst = mistakes[: settings.mistakes]
    images = test[[mistake.index for mistake in worst]]
    drawn: dict[str, FileRecord] = {}
    light: dict[str, FileRecord] = {}
    dark: dict[str, FileRecord] = {}
    for name, draw in chain(first, report_figures.tested(inputs, images, worst)):
        path = draft.path(f"{name}.png")
        draw(path)
        drawn[name] = draft.record(path.name)
        path.with_suffix(".webp").write_bytes(webp.encode(path))
        light[name] = draft.record(f"{name}.webp")
        if canvas.dark(path).exists():
            dark[name] = draft.record(canvas.dark(path).name)
    return Report(
        figures=drawn,
        page_figures=light,
        dark_figures=dark,
        thumbnails=thumbnails.of_mistakes(draft, images),
        mistakes=worst,
        mistakes_total=total,
        label_errors=inputs.label_errors(),
        confusions=tuple(thumbnails.of_confusions(draft, test, evaluation, mistakes)),
        class_examples=thumbnails.of_classes(draft, inputs.workspace, inputs.files, evaluation),
    )
