"""What the shell completes: recipes, data sets, runs and models."""

from typing import Any

from sightline import registry
from sightline.config import loading
from sightline.data import catalog
from sightline.data.recommend import AUTO
from sightline.runs import run_folder

_MOST_RUNS = 50  # The newest are offered


def recipes(incomplete: str) -> list[str]:
    """Return the recipes that begin with what was typed."""
    return [name for name in (AUTO, *loading.names()) if name.startswith(incomplete)]


def datasets(incomplete: str) -> list[str]:
    """Return the named data sets; if none begins with what was typed, the shell offers paths."""
    return [name for name in catalog.NAMED if name.startswith(incomplete)]


def runs(ctx: Any, incomplete: str) -> list[str]:
    """Return "latest" and the newest runs of the workspace, short unless an ID was begun."""
    ids = run_folder.run_ids(ctx.params["workspace"])[:_MOST_RUNS]
    names = ["latest", *map(run_folder.short_id, ids)]
    found = [name for name in names if name.startswith(incomplete)]
    return found or [name for name in ids if name.startswith(incomplete)]


def versions(ctx: Any, incomplete: str) -> list[str]:
    """Return the aliases and versions of the registry that begin with what was typed."""
    names = [*registry.ALIASES, *registry.names(ctx.params["workspace"])]
    return [name for name in names if name.startswith(incomplete)]


def models(ctx: Any, incomplete: str) -> list[str]:
    """Return versions and runs; if none begins with what was typed, the shell offers paths."""
    return versions(ctx, incomplete) + runs(ctx, incomplete)
