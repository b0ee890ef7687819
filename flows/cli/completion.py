"""What the shell completes: recipes, settings, data sets, runs and models.

Each function imports what it needs: every command imports this module.
"""

import os
import re
from pathlib import Path
from typing import Any

_BASH_KEY = "_SIGHTLINE_COMPLETE_KEY"  # The key whose value bash completes
_MOST_RUNS = 50  # The newest are offered


def recipes(incomplete: str) -> list[str]:
    """Return recipes and TOML files of this folder; if none fits, the shell offers paths."""
    from sightline.config import loading
    from sightline.data.recommend import AUTO

    files = sorted(path.name for path in Path().glob(f"*{loading.SUFFIX}"))
    return [name for name in (AUTO, *loading.names(), *files) if name.startswith(incomplete)]


def settings(incomplete: str) -> list[str]:
    """Return config keys as `key=`; after it, or for the only key that fits, the allowed values.

    The only key is offered with an example beside, so that the shell adds no blank.
    """
    from sightline.config import keys, toml

    known = keys.names()
    name, equals, begun = incomplete.partition("=")
    if in_bash := os.environ.pop(_BASH_KEY, None):
        name, equals, begun = in_bash, "=", incomplete
    if equals:
        choices = known[name].choices if name in known else ()
        values = [value for value in map(toml.write_setting, choices) if value.startswith(begun)]
        return values if in_bash else [f"{name}={value}" for value in values]
    found = [key for key in known.values() if key.name.startswith(name) and "." in key.name]
    offered = [f"{key.name}=" for key in found]
    if len(found) == 1:
        shown = found[0].choices or (found[0].example or "", "")
        return [f"{offered[0]}{toml.write_setting(value)}" for value in shown]
    return offered


def set_bash_key_aside() -> None:
    """Turn `--set key = value`, as bash splits it, into `--set value`, the word to complete."""
    words = os.environ.get("COMP_WORDS", "").split("\n")
    line = "\n".join(words[: int(os.environ.get("COMP_CWORD", "0")) + 1])
    if found := re.fullmatch(r"([\s\S]*\n--set)\n(\S+)\n=\n?(.*)", line):
        line = f"{found[1]}\n{found[3]}"
        os.environ |= {"COMP_WORDS": line, "COMP_CWORD": str(line.count("\n"))}
        os.environ[_BASH_KEY] = found[2]


def datasets(incomplete: str) -> list[str]:
    """Return the named data sets; if none begins with what was typed, the shell offers paths."""
    from sightline.data import catalog

    return [name for name in catalog.NAMED if name.startswith(incomplete)]


def runs(ctx: Any, incomplete: str) -> list[str]:
    """Return "latest" and the newest runs of the workspace, short unless an ID was begun."""
    from sightline.experiments import run_folder

    ids = run_folder.run_ids(ctx.params["workspace"])[:_MOST_RUNS]
    names = ["latest", *map(run_folder.short_id, ids)]
    found = [name for name in names if name.startswith(incomplete)]
    return found or [name for name in ids if name.startswith(incomplete)]


def versions(ctx: Any, incomplete: str) -> list[str]:
    """Return the aliases and versions of the registry that begin with what was typed."""
    from sightline import registry

    names = [*registry.ALIASES, *registry.names(ctx.params["workspace"])]
    return [name for name in names if name.startswith(incomplete)]


def models(ctx: Any, incomplete: str) -> list[str]:
    """Return versions and runs; if none begins with what was typed, the shell offers paths."""
    return versions(ctx, incomplete) + runs(ctx, incomplete)
