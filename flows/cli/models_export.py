"""`sightline models export`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sightline import registry
from sightline.errors import InputError
from sightline.export import layouts
from sightline.export.layouts import Layout
from sightline.flows.cli import console, options
from sightline.registry import Version
from sightline.registry.verify import check

EXAMPLES = (
    "Examples:\n\nsightline models export champion --layout tf-serving --output /srv/models\n\n"
    "sightline models export mnist-v3 --layout triton --output ./repository --name digits"
)


def export(
    model: options.Model,
    layout: Annotated[Layout, typer.Option(help="Model server that will read the folder.")],
    output: Annotated[
        Path,
        typer.Option(parser=options.local_path, metavar="FOLDER", help="Folder of all models."),
    ],
    name: Annotated[
        str | None,
        typer.Option(help="Name of the model on the server. Default: that of its data set."),
    ] = None,
    dataset: options.Dataset = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Copy an exported model to where TensorFlow Serving or Triton look for it.

    A server that watches the folder loads the version and drops the one before; repeat the command
    after each promotion and rollback.
    """
    version = registry.resolve(workspace, model, options.dataset_slug(dataset))
    kind = layouts.FORMAT[layout]
    _check_format(version, kind)
    check(workspace, version)
    exports = workspace.path(version.folder) / "exports"
    folder = layouts.write(layout, exports, name or version.dataset, version.number, output)
    if as_json:
        typer.echo(json.dumps({"version": version.name, "format": kind, "folder": str(folder)}))
    else:
        console.say(f"{version.name} ({kind}): {folder}")


def _check_format(version: Version, kind: str) -> None:
    checks = version.certificate.exports if version.certificate else ()
    if not any(one.format == kind and one.passed for one in checks):
        raise InputError(
            f"{version.name} has no certified export as {kind}; train with --gate report or "
            "enforce, and with that format in export.formats (extra export)."
        )
