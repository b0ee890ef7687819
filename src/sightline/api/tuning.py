"""Search hyperparameters from Python."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from sightline.api.command import PathLike, run_command
from sightline.api.listing import load
from sightline.api.search import Search
from sightline.api.settings import space_settings
from sightline.config import explain
from sightline.errors import ConfigError

Metric = Literal["val_accuracy", "val_loss"]
RunnerChoice = Literal["auto", "local", "deployments", "ray"]
_MOST_TRIALS = 100_000


def tune(
    dataset: PathLike = "mnist-5k",
    recipe: str = "auto",
    *,
    space: Mapping[str, Any],
    trials: int = 20,
    metric: Metric = "val_accuracy",
    pruning: bool = True,
    seed: int = 0,
    name: str | None = None,
    parallel: int | None = None,
    runner: RunnerChoice = "auto",
    deployment: str = "trial/trial-cpu",
    gpus_per_trial: float | None = None,
    settings: Mapping[str, Any] | None = None,
    artifacts: PathLike | None = None,
    data_dir: PathLike | None = None,
    mirror: str | None = None,
    progress: bool | None = None,
    **keys: Any,
) -> Search:
    """Search hyperparameters, then train and evaluate the best ones, as `sightline tune` does.

    Trials train on the training split and are compared on the validation split. The best one then
    becomes an ordinary run, which alone uses the test split. The search runs in a process of its
    own. Interrupt it and call the same again: it continues, and repeats no trial.

    Args:
        dataset: As for `train`, like `recipe`, `settings`, `artifacts`, `data_dir`, `mirror`,
            `progress` and the config keys.
        space: Config keys, named as in `settings`, and the values that each may take:
            `{"learning_rate": "log(1e-4, 1e-1)", "training.batch_size": "choice(16, 32, 64)"}`;
            also `"uniform(a, b)"` and `"int(a, b)"`.
        trials: Number of trials in all, 1 to 100,000; a larger one extends an earlier search.
        metric: What the best trial is chosen by.
        pruning: Whether to stop trials that are worse than others after as many epochs.
        seed: Seed of the search, 0 to 2**31 - 1.
        name: Name of the search. Default: data set, recipe and a digest of all settings.
        parallel: Number of trials at a time. Default: 1; with Ray, as many as it has room for.
        runner: Where trials run. `"auto"`: on a deployment if `PREFECT_API_URL` is set, else in
            local processes.
        deployment: Deployment of the runner `"deployments"`.
        gpus_per_trial: GPUs that the runner `"ray"` gives each trial.

    Returns:
        The trials, the best one and its run.

    Raises:
        ConfigError: A key or a value is wrong, or the extra `tune` is not installed.
        DataError: The data set is missing, damaged, or refused by the data gate.
        InputError: Something else that you can change; see `sightline.errors`.
        RunError: No trial is complete, or a stage of the best one failed.
        KeyboardInterrupt: The search was interrupted; what is done is kept.
    """
    _check_choice("metric", metric, get_args(Metric))
    _check_choice("runner", runner, get_args(RunnerChoice))
    _check_number("trials", trials, 1, _MOST_TRIALS)
    _check_number("parallel", 1 if parallel is None else parallel, 1, 1000)
    _check_number("seed", seed, 0, 2**31 - 1)
    asked = {
        "space": space_settings(space),
        "trials": trials,
        "metric": metric,
        "pruning": pruning,
        "seed": seed,
        "name": name,
        "parallel": parallel,
        "runner": runner,
        "deployment": deployment,
        "gpus_per_trial": gpus_per_trial,
    }
    found = run_command(
        "tune",
        dataset,
        recipe,
        {**(settings or {}), **keys},
        run={"artifacts": artifacts, "data_dir": data_dir, "mirror": mirror},
        progress=progress,
        more=asked,
    )
    return Search(found, metric, load(found["run"]["run_id"], artifacts=artifacts))


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} is {explain.shown(value)}; expected {' or '.join(choices)}.")


def _check_number(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(
            f"{name} is {explain.shown(value)}; expected an integer from {low:,} to {high:,}."
        )
