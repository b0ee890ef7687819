"""The flow that deployments run: a form of plain parameters in front of the main path."""

import json
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from sightline.config import RunConfig, loading
from sightline.data import locate
from sightline.errors import SightlineError
from sightline.flows import worker
from sightline.flows.outage import enduring
from sightline.flows.train import pipeline
from sightline.flows.train_seeds import seed_pipeline
from sightline.records import RunSummary
from sightline.runs import new_run
from sightline.runs import seeds as seed_runs
from sightline.runs.seeds import SeedSummary
from sightline.training.device import prepare_process

Recipe = Literal["accurate", "fast", "quickstart", "tutorial"]
"""The shipped recipes, as choices of the form; a test holds them against `recipes.names()`."""


def run_name() -> str:
    """Name a flow run after its data set, recipe and time, such as mnist-tutorial-20261123-0200."""
    given = flow_run.parameters
    moment = flow_run.scheduled_start_time
    return f"{locate.slug(given['dataset'])}-{given['recipe']}-{moment:%Y%m%d-%H%M}"


@flow(name="train", flow_run_name=run_name, persist_result=False, result_serializer="json")
def train(
    dataset: Annotated[str, Field(min_length=1)] = "mnist",
    recipe: Recipe = "tutorial",
    epochs: Annotated[int | None, Field(ge=1, le=10_000)] = None,
    batch_size: Annotated[int | None, Field(ge=1, le=65_536)] = None,
    learning_rate: Annotated[float | None, Field(gt=0, le=100)] = None,
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0,
    seeds: Annotated[int, Field(ge=1, le=seed_runs.MOST)] = 1,
    device: Literal["auto", "cpu", "gpu"] = "auto",
    deployment: Annotated[str, Field(pattern=r"^([^/\s]+/[^/\s]+)?$")] = "",
    gate: Literal["off", "report", "enforce"] = "off",
    overrides: list[str] | None = None,
    sha256: str = "",
    force: bool = False,
    refresh: bool = False,
) -> RunSummary | SeedSummary | State[Any]:
    """Train, evaluate and report, unless nothing changed since the last run.

    Args:
        dataset: Name of a data set (mnist, fashion-mnist, mnist-5k), or a path that the worker
            can read.
        recipe: The named config to begin with.
        epochs: Passes over the training split; none takes the recipe's.
        batch_size: Images a step; none takes the recipe's.
        learning_rate: Step size of the optimizer; none takes the recipe's.
        seed: Seed of the initial weights and of the shuffling.
        seeds: How many seeds to train, one after the other: this one and those after it. With
            more than one, how far the results lie apart is measured and kept as a noise band.
        device: What to compute on; "gpu" fails where there is none.
        deployment: Deployment that fits the weights, such as fit/fit-gpu; empty: this worker.
        gate: Whether the model is exported and held against the champion: not at all, to report
            it, or to promote it where it is better. Several seeds are never judged.
        overrides: More of the config as key=value, such as training.schedule=cosine.
        sha256: Digest that the data set should have; the data trigger sets it.
        force: Run although nothing changed since the last run.
        refresh: Make every stage again, whatever the cache holds.

    Returns:
        What came out, for each seed where there are several; a Completed state named "Unchanged"
        where there was nothing to do.
        A run that failed ends with our sentence as its message.
    """
    values = {
        "data.dataset": dataset,
        "training.epochs": epochs,
        "training.batch_size": batch_size,
        "training.learning_rate": learning_rate,
        "training.seed": seed,
        "training.device": device,
        "training.deployment": deployment or None,
        "promotion.gate": gate,
    }
    try:
        with enduring():
            config = _config(recipe, values, overrides or [])
            return _train(config, seeds, sha256, force, refresh)
    except SightlineError as error:
        return Failed(data=error, message=str(error))  # the sentence alone, for people


def _train(
    config: RunConfig, seeds: int, expected_sha256: str, force: bool, refresh: bool
) -> RunSummary | SeedSummary | State[Any]:
    run_id = new_run.new_id(locate.slug(config.data.dataset), config.recipe)
    run = worker.run(run_id, refresh=refresh)
    source = locate.locate(config.data)
    log = get_run_logger()
    if expected_sha256 not in {"", source.sha256}:
        log.warning(
            "The data changed again since the event: %s -> %s", expected_sha256, source.sha256
        )
    compared = seed_runs.since_last(seed_runs.plan(config, run, seeds), source)
    log.info(compared.sentence)
    if compared.unchanged and not force and not refresh:
        return Completed(name="Unchanged", message=compared.sentence)
    prepare_process(config.training).start()
    if seeds > 1:
        return seed_pipeline(config, run, seeds, source)
    return pipeline(config, run, source)


def _config(recipe: str, values: dict[str, Any], overrides: list[str]) -> RunConfig:
    chosen = [
        f"{key}={json.dumps(value, ensure_ascii=False)}"  # a string of JSON is one of TOML
        for key, value in values.items()
        if value is not None
    ]
    return loading.load(recipe, overrides=[*chosen, *overrides])
