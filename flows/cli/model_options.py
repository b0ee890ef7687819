"""Arguments and options that the commands on models share."""

from typing import Annotated

import typer

from sightline.data import locate
from sightline.errors import InputError

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="champion, candidate, or a version such as mnist-v3.")
]
ModelDatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="Only models of this data set; whose alias is meant."),
]


def slug(dataset: str | None) -> str | None:
    """Return what the store calls a data set that was given by name or path.

    Raises:
        InputError: It was given, but is empty.
    """
    if dataset is None:
        return None
    if not dataset.strip():
        raise InputError("--dataset is empty; give a name that `sightline models list` shows.")
    return locate.slug(dataset)
