"""What trackers learn of a run: of a published one, or of a trial of a search."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
from pydantic import Field

from sightline.config import RunConfig
from sightline.config.flatten import flatten
from sightline.evaluation.overall import overall
from sightline.experiments import run_folder
from sightline.experiments.search import space
from sightline.experiments.search.study import Study
from sightline.experiments.search.trial import SearchTrial
from sightline.records import Promotion, Record
from sightline.records.manifest import RunManifest
from sightline.storage.workspace import Workspace

_DOCUMENTS = ("report.html", "report.md", "MODEL_CARD.md", "metrics.json", "history.parquet")


class TrackedEpoch(Record):
    """An epoch, from 1, with its metrics, such as loss, val_accuracy and learning_rate."""

    epoch: int
    ended: datetime
    metrics: dict[str, float]


class TrackedRun(Record):
    """A finished run or trial."""

    id: str  # The run ID; of a trial, `<search>/t<number>`
    dataset: str
    started: datetime
    ended: datetime
    succeeded: bool = True
    tags: dict[str, str]
    parameters: dict[str, str]  # Config keys and their values
    epochs: tuple[TrackedEpoch, ...]
    metrics: dict[str, float]  # Of the finished model, such as test_accuracy
    files: dict[str, str] = Field(default_factory=dict)  # Name for the tracker to absolute path
    registered: bool = False  # Whether its model, `model/model.keras`, becomes a version


def of_run(
    workspace: Workspace, manifest: RunManifest, promotion: Promotion | None = None
) -> TrackedRun:
    """Describe a published run; its files are fetched from object storage if necessary."""
    records, config = manifest.records, manifest.config
    started = manifest.created - timedelta(seconds=manifest.total_seconds)
    group = manifest.run_id.removesuffix(f"-s{config.training.seed}")
    tags = {
        "run": manifest.run_id,
        "recipe": config.recipe,
        "dataset": records.ingest.dataset,
        "seed": str(config.training.seed),
        "weights_sha256": manifest.weights_sha256,
        "data_sha256": manifest.source_sha256,
    }
    tags |= {"seeds": group} if group != manifest.run_id else {}
    tags |= {"repeats": manifest.repeats} if manifest.repeats else {}
    if promotion and promotion.version:
        tags |= {"version": promotion.version, "promoted": str(promotion.promoted).lower()}
    tested = overall(records.evaluate).items()
    return TrackedRun(
        id=manifest.run_id,
        dataset=records.ingest.dataset,
        started=started,
        ended=manifest.created,
        tags=tags,
        parameters=_parameters(config),
        epochs=_epochs(workspace, manifest, started),
        metrics={f"test_{_word(name)}": value for name, (value, _) in tested if value is not None},
        files=_files(workspace, manifest),
        registered=group == manifest.run_id and manifest.repeats is None,
    )


def of_trial(study: Study, trial: SearchTrial, base: RunConfig) -> TrackedRun:
    """Describe a trial that has ended; its only metric is that of the search."""
    metric, ended = study.setup.metric, datetime.now(UTC)
    epochs = tuple(
        TrackedEpoch(epoch=number, ended=ended, metrics={metric: value})
        for number, value in enumerate(trial.epochs, start=trial.last_epoch - len(trial.epochs) + 1)
    )
    return TrackedRun(
        id=f"{study.name}/t{trial.number}",
        dataset=study.setup.source.dataset,
        started=ended - timedelta(seconds=trial.seconds),
        ended=ended,
        succeeded=trial.state in {"complete", "pruned"},
        tags={
            "search": study.name,
            "trial": str(trial.number),
            "state": trial.state,
            "recipe": base.recipe,
            "dataset": study.setup.source.dataset,
        },
        parameters=_parameters(space.apply(base, trial.values)),
        epochs=epochs,
        metrics={"seconds": trial.seconds, "cpu_seconds": trial.cpu_seconds},
    )


def _parameters(config: RunConfig) -> dict[str, str]:
    """Return all config keys as in TOML; text is not quoted."""
    skipped = {"tracking", "choice", "description", "recipe_sha256"}
    values = flatten(config.model_dump(mode="json", exclude=skipped))
    return {key: _plain(json.loads(text), text) for key, text in values if text != "null"}


def _plain(value: Any, text: str) -> str:
    return value if isinstance(value, str) else text


def _epochs(
    workspace: Workspace, manifest: RunManifest, started: datetime
) -> tuple[TrackedEpoch, ...]:
    found, ended = [], started
    path = run_folder.file(workspace, manifest, "history.parquet")
    for row in pq.read_table(path).to_pylist():
        ended += timedelta(seconds=row["seconds"])
        metrics = {name: value for name, value in row.items() if value is not None}
        found.append(TrackedEpoch(epoch=metrics.pop("epoch"), ended=ended, metrics=metrics))
    return tuple(found)


def _files(workspace: Workspace, manifest: RunManifest) -> dict[str, str]:
    figures = [f"{name}.png" for name in manifest.records.report.figures]
    names = {name: name for name in (*_DOCUMENTS, run_folder.MANIFEST)}
    names |= {name: f"figures/{name}" for name in figures}
    names |= {"model.keras": "model/model.keras"}
    return {
        target: str(run_folder.file(workspace, manifest, name).absolute())
        for name, target in names.items()
    }


def _word(name: str) -> str:
    """Write the name of a measure as trackers like it, such as `cohens_kappa`."""
    return name.lower().replace("'", "").replace(" ", "_").replace("-", "_")
