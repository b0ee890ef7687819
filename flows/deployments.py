"""The flow that deployments run: a form with plain parameters in front of the main path."""

import json
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from sightline.config import RunConfig, loading
from sightline.data import locate, recommend
from sightline.errors import ConfigError, HandoverCancelledError, SightlineError
from sightline.experiments import new_run
from sightline.experiments import seeds as seed_runs
from sightline.flows import outcome, worker
from sightline.flows.outage import survive_outages
from sightline.flows.preflight import preflight
from sightline.flows.queueing import give_way
from sightline.flows.server import lost_runs
from sightline.flows.train import run_stages
from sightline.flows.train_seeds import train_seeds
from sightline.training.device import prepare_process

Recipe = Literal[
    "auto", "accurate", "cifar", "fast", "photos", "photos-accurate", "quickstart", "tutorial"
]
"""The shipped recipes, as choices of the form; a test compares them with `loading.names()`."""

RecipeFile = Annotated[str, Field(json_schema_extra={"pattern": r"^/.+\.toml$"})]
"""A recipe as a file where the worker runs. The server refuses a relative path, as in `Dataset`."""


def run_name() -> str:
    """Name a flow run after its data set, recipe, time and ID: mnist-auto-20261123-0200-3f9c."""
    given = flow_run.parameters
    time = flow_run.scheduled_start_time
    what = f"{locate.slug(given['dataset'])}-{locate.slug(given['recipe'])}"
    return f"{what}-{time:%Y%m%d-%H%M}-{flow_run.id[-4:]}"


@flow(name="train", flow_run_name=run_name, persist_result=False, result_serializer="json")
def train(
    dataset: worker.Dataset = "mnist",
    recipe: Recipe | RecipeFile = "auto",
    epochs: Annotated[int | None, Field(ge=1, le=10_000)] = None,
    batch_size: Annotated[int | None, Field(ge=1, le=65_536)] = None,
    learning_rate: Annotated[float | None, Field(gt=0, le=100)] = None,
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | Literal["date"] = 0,
    seeds: Annotated[int, Field(ge=1, le=seed_runs.MOST)] = 1,
    device: Literal["auto", "cpu", "gpu"] = "auto",
    deployment: Annotated[str, Field(pattern=r"^([^/\s]+/[^/\s]+)?$")] = "",
    gate: Literal["off", "report", "enforce"] = "off",
    rebaseline: bool = False,
    overrides: list[str] | None = None,
    sha256: str = "",
    force: bool = False,
    refresh: bool = False,
) -> State[Any]:
    """Train and evaluate a model and write a report, unless nothing changed since the last run.

    Such a run ends as "Unchanged", one whose training on another pool was cancelled as "Cancelled";
    a failed one has the message of its error, and any other the test accuracy and the decision of
    the promotion gate.

    Args:
        dataset: Name of a data set (mnist, fashion-mnist, mnist-5k), or the absolute path of
            your own where the worker runs.
        recipe: Named config to start from, or the absolute path of a TOML file where the worker
            runs; auto chooses it from the images.
        epochs: Passes over the training split. Default: the recipe's.
        batch_size: Images per step. Default: the recipe's.
        learning_rate: Learning rate of the optimizer. Default: the recipe's.
        seed: Seed of the initial weights and of the shuffling; date is another one every day, such
            as 20261129, so that a night is not skipped because nothing changed.
        seeds: Number of seeds to train, starting at `seed`. With more than one, the spread of
            the results is reported and stored as a noise band.
        device: Device to train on; "gpu" fails if there is none.
        deployment: Deployment that runs the training stage, such as fit/fit-gpu. Default: this
            worker.
        gate: off; report: compare the model with the champion; enforce: also promote the model
            if it is better. Always off with several seeds.
        rebaseline: If the test images changed since the champion was promoted, compare both
            models on the new ones, instead of refusing the new model.
        overrides: More config keys as key=value, such as training.schedule=cosine.
        sha256: Expected digest of the data set; set by the data trigger.
        force: Run even if nothing changed since the last run.
        refresh: Ignore the cache and rerun every stage.

    """
    values = {
        "data.dataset": dataset,
        "training.epochs": epochs,
        "training.batch_size": batch_size,
        "training.learning_rate": learning_rate,
        "training.seed": _today() if seed == "date" else seed,
        "training.device": device,
        "training.deployment": deployment or None,
        "promotion.gate": gate,
        "promotion.rebaseline": rebaseline or None,
    }
    give_way()
    try:
        with survive_outages():
            lost_runs.end_missed()
            locate.check_same_everywhere(dataset)
            config = _config(recipe, values, overrides or [])
            locate.check_same_everywhere(config.data.dataset)  # overrides win over the form
            return _train(config, seeds, sha256, force, refresh)
    except HandoverCancelledError as error:  # a person's decision, so a night is not run again
        return Cancelled(message=str(error))
    except SightlineError as error:
        return Failed(data=error, message=str(error))  # the message without a traceback


def _train(
    config: RunConfig, seeds: int, expected_sha256: str, force: bool, refresh: bool
) -> State[Any]:
    run_id = new_run.new_id(locate.slug(config.data.dataset), config.recipe)
    run = worker.run(run_id, refresh=refresh)
    checked = preflight(config, run, seeds, compare=True, force=force)
    log = get_run_logger()
    found = checked.source.sha256
    if expected_sha256 not in {"", found}:
        log.warning("The data changed again since the event: %s -> %s", expected_sha256, found)
    message = checked.changes.sentence if checked.changes else ""
    log.info(message)
    if checked.unchanged:
        return Completed(name="Unchanged", message=message)
    prepare_process(config.training).start()
    with checked.claimed():
        if seeds > 1:
            seeded = train_seeds(checked.planned, checked.unfinished, checked.source)
            return outcome.completed(seeded)
        return outcome.completed(run_stages(checked.config, run, checked.source))


def _today() -> int:
    """Return the date for which the run was scheduled as a number, such as 20261129."""
    return int(f"{flow_run.scheduled_start_time:%Y%m%d}")


def _config(recipe: str, values: dict[str, Any], overrides: list[str]) -> RunConfig:
    file = loading.file_of(recipe)
    if file is not None and not file.is_absolute():
        raise ConfigError(
            f"The recipe {recipe!r} of a deployment is a relative path, and a worker runs in a "
            "folder of its own; write the path as the worker sees it, such as /srv/mine.toml."
        )
    chosen = [
        f"{key}={json.dumps(value, ensure_ascii=False)}"  # a string of JSON is one of TOML
        for key, value in values.items()
        if value is not None
    ]
    return recommend.load(recipe, overrides=[*chosen, *overrides])
