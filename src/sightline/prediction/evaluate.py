"""Evaluate a model that exists already on other labelled images."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from sightline.config import EvaluationConfig, PreprocessingConfig, RunConfig, loading
from sightline.data import label_table, labelled, locate, preprocess
from sightline.data.labelled import WantedSplit
from sightline.errors import InputError
from sightline.evaluation import evaluate as stage
from sightline.evaluation import intervals, slices
from sightline.pipeline.process import keras_process
from sightline.prediction import drift, known_images
from sightline.prediction import model as models
from sightline.prediction.records import ServedModel
from sightline.records import (
    DatasetFiles,
    Evaluation,
    Metrics,
    ModelEvaluation,
    ModelFile,
    OwnTest,
    Report,
    Run,
)
from sightline.reporting import evaluation_page
from sightline.reporting import report as reporting
from sightline.storage import files as storage
from sightline.storage.text import quoted
from sightline.storage.workspace import Workspace

RECORD = "evaluation.json"
_OF_RUN = ("depth", "batch_size", "calibration_bins", "robustness_images", "saliency_images")
_TABLES = ("predictions.parquet", "metrics.json")
_PAGE = "report.html"


def evaluate(
    run: Run,
    settings: RunConfig,
    model: ServedModel,
    split: WantedSplit = "all",
    output: Path | None = None,
) -> ModelEvaluation:
    """Measure a model on a labelled data set and write a page about it.

    The measures are those of the stage evaluate; of the config, the sections data, evaluation and
    report count. What was computed stays in the cache of the workspace. `output` is a folder, by
    default one below `evaluations/` of the workspace; an earlier evaluation there is replaced.

    Raises DataError if the data cannot be read or have other classes, ConfigError for a slice that
    does not exist, ModelFileError for the model's file, InputError if `output` is something else,
    and StorageError if the disk has too little room.
    """
    metadata = models.metadata_of(model)
    source = locate.locate(settings.data)
    label_table.table_schema(settings.data)
    if output is not None:
        _check_output(output)
    keras_process().start()  # imports Keras while the images are read
    files = labelled.ingest_labelled(run, source, settings.data, split, metadata)
    slices.check(run.workspace, files, settings.evaluation.slices)
    arrays = preprocess.preprocess(run, files, PreprocessingConfig())
    measured = keras_process().run(
        stage.EVALUATE_MODEL.function,
        *(run, files, arrays, ModelFile(path=model.path, sha256=model.sha256)),
        _without_training(settings.evaluation),
    )
    figures = reporting.report_evaluation(run, files, measured, settings.report)
    folder = output or _default_output(run, model, files, measured)
    trained = models.read_run(run.workspace, model)
    found = ModelEvaluation(
        model=model.name,
        model_sha256=model.sha256,
        run_id=model.run_id,
        dataset=files.dataset,
        source=source.path,
        source_sha256=source.sha256,
        split=split,
        images=files.images["test"].shape[0],
        metrics=Metrics(**{name: getattr(measured, name) for name in Metrics.model_fields}),
        own_test=_own_test(model, measured),
        known=known_images.measure(run.workspace, trained, files, measured) if trained else None,
        warnings=tuple(_warnings(model, files)),
        output=str(folder),
    )
    _write(run, folder, found, files, measured, figures)
    return found


def load_settings(
    workspace: Workspace,
    model: ServedModel,
    dataset: str,
    config: Path | None = None,
    overrides: Sequence[str] = (),
) -> RunConfig:
    """Load the settings of an evaluation: those of the model's run, the file, then the overrides.

    Raises ConfigError as `loading.load`.
    """
    trained = models.read_run(workspace, model)
    of_run = trained.config.evaluation.model_dump() if trained else {}
    kept = [f"evaluation.{name}={of_run[name]}" for name in _OF_RUN if name in of_run]
    return loading.load(config_file=config, overrides=overrides, dataset=dataset, recommended=kept)


def _without_training(settings: EvaluationConfig) -> EvaluationConfig:
    """Switch off what looks at training images."""
    return settings.model_copy(update={"label_error_threshold": 1.0})


def _own_test(model: ServedModel, measured: Evaluation) -> OwnTest | None:
    if model.accuracy is None or model.accuracy_interval is None:
        return None
    own = (model.accuracy, model.accuracy_interval)
    return OwnTest(
        accuracy=model.accuracy,
        interval=model.accuracy_interval,
        difference=measured.accuracy - model.accuracy,
        difference_interval=intervals.difference(
            measured.accuracy, measured.accuracy_interval, *own
        ),
    )


def _warnings(model: ServedModel, files: DatasetFiles) -> list[str]:
    """State how the images differ from the training images, and which classes have none."""
    found: list[str] = []
    if model.profile is None:
        found.append("The images were not compared with the training images, which are unknown.")
    elif files.inspection is not None:
        found += drift.compare(files.inspection.profiles["test"], model.profile)
    counts = zip(files.class_names, files.counts["test"], strict=True)
    missing = [name for name, count in counts if not count]
    if missing:
        found.append(
            f"{len(missing):,} of the model's {len(files.class_names):,} classes have no images "
            f"here: {', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}."  # noqa: PLR2004
        )
    return found


def _check_output(folder: Path) -> None:
    """Raise InputError for anything but a new or empty folder, or one with an evaluation alone.

    Raises StorageError if a new one cannot be made.
    """
    if not folder.exists():
        storage.check_output(folder)
        return
    ours = {*_TABLES, _PAGE, RECORD}
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else {folder.name}
    if names and names != ours:
        other = min(names - ours, default="no complete evaluation")
        raise InputError(
            f"The output {folder} exists and is not an earlier evaluation (it holds "
            f"{quoted(other)}); choose a new folder."
        )


def _default_output(
    run: Run, model: ServedModel, files: DatasetFiles, measured: Evaluation
) -> Path:
    name = re.sub(r"[^a-z0-9]+", "-", model.name.lower()).strip("-")[-60:]
    key = Path(measured.metrics.path).parent.name[:8]
    return run.workspace.path(f"evaluations/{files.dataset}-{name}-{key}")


def _write(
    run: Run,
    folder: Path,
    found: ModelEvaluation,
    files: DatasetFiles,
    measured: Evaluation,
    figures: Report,
) -> None:
    """Write the folder; it appears complete, or the earlier one stays."""
    page = evaluation_page.render(run.workspace, found, files, measured, figures)
    with (
        storage.storage_errors(folder.parent, "--output"),
        storage.new_folder(folder.absolute(), replace=True) as target,
    ):
        for name, record in zip(_TABLES, (measured.predictions, measured.metrics), strict=True):
            shutil.copyfile(run.workspace.root / record.path, target / name)
        (target / _PAGE).write_text(page, encoding="utf-8")
        (target / RECORD).write_text(found.model_dump_json(indent=1), encoding="utf-8")
