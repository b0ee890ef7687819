"""A hyperparameter search that passed its checks: what is searched, and on which data."""

from functools import partial
from typing import NamedTuple

from sightline.config import RunConfig
from sightline.data import ingest, locate
from sightline.data.sharding.on_ray import ingest_on_ray
from sightline.data.sharding.shard import INGEST_SHARD
from sightline.experiments.search import space
from sightline.experiments.search.setup import Setup
from sightline.experiments.search.space import Settings
from sightline.experiments.tracking import trackers
from sightline.flows.cli import console
from sightline.flows.preflight import check_settings
from sightline.flows.server import api
from sightline.models import source_files
from sightline.pipeline.provenance import digest_of
from sightline.pipeline.ray_shards import RAY
from sightline.records import DatasetFiles, Run, Source
from sightline.registry import workflow

_HELD_OUT = 0.1  # Share of the training split that validates if there is no validation split


class AskedSearch(NamedTuple):
    """What is searched, on which data."""

    config: RunConfig  # What the values of each trial are applied to
    run: Run  # Its workspace and data folder; each trial has a run of its own
    source: Source
    setup: Setup
    name: str


def prepare(
    base: RunConfig,
    settings: Settings,
    run: Run,
    *,
    metric: str = "val_accuracy",
    pruning: bool = True,
    seed: int = 0,
    name: str | None = None,
) -> AskedSearch:
    """Check everything before the first trial; hold out a validation split if there is none.

    Raises ConfigError if a sample of the space is no valid config, and errors as `preflight`,
    `ingest` and, if shards are handed over, `compute_elsewhere`.
    """
    base = base.model_copy(update={"model": source_files.pin(base.model)})
    run.workspace.check_writable()
    source = locate.locate(base.data)
    ingested = _ingest(base, run, source)
    if "validation" not in ingested.images and not base.preprocessing.validation_fraction:
        console.note(
            f"The data set has no validation split: {_HELD_OUT:.0%} of the training split is held "
            "out (preprocessing.validation_fraction)."
        )
        base = space.apply(base, {"preprocessing.validation_fraction": _HELD_OUT})
    space.check(base, settings.space)
    check_settings(base, run, ingested)
    workflow.check_requirements(base)
    trackers.check(base.tracking)
    setup = Setup(
        source=source,
        # The digest of the source stands for the path of the data.
        config=base.model_dump_json(
            exclude={
                "choice": True,
                "recipe_sha256": True,
                "tracking": True,
                "data": {"dataset"},
            }
        ),
        space=settings.space,
        metric=metric,
        pruning=pruning,
        seed=seed,
        epochs=base.training.epochs,
    )
    digest = digest_of(f"{source.sha256} {setup.model_dump_json(exclude={'source'})}")[:8]
    default = f"{locate.slug(base.data.dataset)}-{base.recipe[:30]}-{digest}"
    return AskedSearch(base, run, source, setup, name or default)


def _ingest(config: RunConfig, run: Run, source: Source) -> DatasetFiles:
    """Ingest the data here, or its shards on the cluster or deployment that the config names."""
    deployment = config.data.shard_deployment
    if deployment is None:
        return ingest.ingest(run, source, config.data)
    if deployment == RAY:
        return ingest.ingest(run, source, config.data, ingest_on_ray)
    api.configure(verbose=False)
    api.require()
    from sightline.tasks.shards import compute_elsewhere  # imports Prefect

    elsewhere = partial(compute_elsewhere, INGEST_SHARD, deployment=deployment)
    return ingest.ingest(run, source, config.data, elsewhere)
