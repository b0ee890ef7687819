"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ArtifactsOption = Annotated[
    Path,
    typer.Option(
        envvar="SIGHTLINE_ARTIFACTS", help="Where caches and runs are kept.", file_okay=False
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        envvar="SIGHTLINE_DATA_DIR",
        help="Local copies of named data sets, plain or .gz; no network is touched then.",
    ),
]
MirrorOption = Annotated[
    str | None,
    typer.Option(
        envvar="SIGHTLINE_MIRROR", help="Address to download from instead of the public mirrors."
    ),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace one config key; may be repeated."),
]
