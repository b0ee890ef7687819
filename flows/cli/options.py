"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from sightline.data import locate
from sightline.errors import InputError
from sightline.flows.cli import completion
from sightline.flows.trials.runners import RunnerName
from sightline.storage import workspace


def local(given: str) -> str:
    """Return an argument that may be a path; refuse a URL, which would name a folder `s3:`."""
    if "://" in given:  # do not repeat the address, which may contain a password
        raise typer.BadParameter(
            "A URL cannot be used here; mount or download what it names, and give the local path."
        )
    return given


def local_path(given: str | Path) -> Path:
    """Turn an argument into a path; refuse a URL."""
    return Path(local(str(given)))


def open_workspace(given: str | workspace.Workspace) -> workspace.Workspace:
    """Turn the value of `--artifacts` into a workspace; refuse a file or an unknown URL."""
    try:
        return workspace.Workspace.open(str(given))
    except InputError as error:
        raise typer.BadParameter(str(error)) from None


WORKSPACE = workspace.Workspace(Path("artifacts"))

Workspace = Annotated[
    workspace.Workspace,
    typer.Option(
        "--artifacts",
        parser=open_workspace,
        metavar="DIRECTORY|URL",
        envvar="SIGHTLINE_ARTIFACTS",
        help="Directory of the cache, runs and models, or a place on object storage such as "
        "s3://bucket/prefix.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        parser=local_path,
        metavar="DIRECTORY",
        envvar="SIGHTLINE_DATA_DIR",
        help="Directory with local copies of named data sets, plain or .gz. Nothing is downloaded.",
    ),
]
Mirror = Annotated[
    str | None,
    typer.Option(
        envvar="SIGHTLINE_MIRROR", help="URL to download from instead of the public mirrors."
    ),
]
DatasetArgument = Annotated[
    str,
    typer.Argument(
        autocompletion=completion.datasets,
        help="Name of a data set, path of your own images, or a URL such as s3://bucket/prefix.",
    ),
]
Recipe = Annotated[
    str,
    typer.Option(
        parser=local,
        metavar="NAME|FILE",
        autocompletion=completion.recipes,
        help="Named config to start from, or your own as a TOML file; see `sightline recipes "
        "list` and `sightline config init`. auto: chosen from the data.",
    ),
]
RecipeDataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        autocompletion=completion.datasets,
        help="Name of a data set (see `sightline datasets list`), path of your own, or a URL such "
        "as s3://bucket/prefix. "
        "Default: the recipe's.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        parser=local_path, metavar="FILE", help="TOML file whose keys override the recipe's."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        autocompletion=completion.settings,
        help="Override one config key, all of which `sightline config reference` prints. "
        "Repeatable.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON to standard output and nothing else.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Show the logs of Prefect and TensorFlow.")
]
Parallel = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1000,
        metavar="K",
        help="Number of trainings at a time. Default: 1; with Ray, as many as it has room for.",
    ),
]
RunnerOption = Annotated[
    RunnerName,
    typer.Option(
        "--runner",
        help="Where trainings run side by side: in local processes, as runs of a deployment on "
        "the pools of the Prefect server, or on the Ray cluster of which this machine is a node. "
        "auto: deployments if PREFECT_API_URL is set.",
    ),
]
GpusPerTrial = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="N",
        help="GPUs that the runner `ray` gives each training; 0.5 lets two share one. Default: 1 "
        "if the cluster has GPUs, else 0.",
    ),
]
Deployment = Annotated[
    str,
    typer.Option(
        metavar="FLOW/DEPLOYMENT", help="Deployment that the runner `deployments` starts."
    ),
]
_RUN_NAMES = 'Run ID, a prefix of one, a short ID as in `runs list`, or "latest".'
Run = Annotated[str, typer.Argument(autocompletion=completion.runs, help=_RUN_NAMES)]
OptionalRun = Annotated[
    str | None,
    typer.Argument(autocompletion=completion.runs, help=f"{_RUN_NAMES} Default: all runs."),
]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        autocompletion=completion.versions,
        help="champion, candidate, or a version such as mnist-v3.",
    ),
]
AnyModel = Annotated[
    str | None,
    typer.Option(
        parser=local,
        metavar="MODEL",
        autocompletion=completion.models,
        help="champion, candidate, a version such as mnist-v3, a run (ID, prefix or short ID), "
        "latest, or the path of a .keras file. Default: the champion; before a first promotion, "
        "the latest run.",
    ),
]
Dataset = Annotated[
    str | None, typer.Option("--dataset", help="Data set of the models. Default: all.")
]


def dataset_slug(dataset: str | None) -> str | None:
    """Return the registry's name of a data set; raise InputError if the value is empty."""
    if dataset is None:
        return None
    if not dataset.strip():
        raise InputError("--dataset is empty; use a name that `sightline models list` shows.")
    return locate.slug(dataset)
