"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from sightline.data import locate
from sightline.errors import InputError
from sightline.storage.workspace import Workspace


def open_workspace(given: str | Workspace) -> Workspace:
    """Turn the value of `--artifacts` into a workspace with an absolute path.

    Raises:
        typer.BadParameter: The path is a file.
    """
    root = Path(str(given)).resolve()
    if root.is_file():
        raise typer.BadParameter(f"{root} is a file; expected a directory.")
    return Workspace(root)


DEFAULT_WORKSPACE = Workspace(Path("artifacts"))

WorkspaceOption = Annotated[
    Workspace,
    typer.Option(
        "--artifacts",
        parser=open_workspace,
        metavar="DIRECTORY",
        envvar="SIGHTLINE_ARTIFACTS",
        help="Directory of the cache, runs and models.",
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        envvar="SIGHTLINE_DATA_DIR",
        help="Directory with local copies of named data sets, plain or .gz. Nothing is downloaded.",
    ),
]
MirrorOption = Annotated[
    str | None,
    typer.Option(
        envvar="SIGHTLINE_MIRROR", help="URL to download from instead of the public mirrors."
    ),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one config key. Repeatable."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON to standard output and nothing else.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", help="Show the logs of Prefect and TensorFlow.")
]
RunArgument = Annotated[str, typer.Argument(help='Run ID, a prefix of one, or "latest".')]
ModelArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="champion, candidate, or a version such as mnist-v3."),
]
ModelDatasetOption = Annotated[
    str | None, typer.Option("--dataset", help="Data set of the models. Default: all.")
]


def dataset_slug(dataset: str | None) -> str | None:
    """Return the registry's name of a data set given by name or path.

    Raises InputError if the value is empty.
    """
    if dataset is None:
        return None
    if not dataset.strip():
        raise InputError("--dataset is empty; use a name that `sightline models list` shows.")
    return locate.slug(dataset)
