"""A TOML file with all keys: those of a recipe are set, all others commented out."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from sightline.config import toml
from sightline.config.keys import REQUIRED, Key, Part, parts
from sightline.config.model import ARCHITECTURE, CNN

_WIDTH = 99
_FILLED_IN = frozenset({"recipe", "choice", "recipe_sha256"})
_TOP = """\
All settings of a training. What is commented out has the value shown, which is the default.
Train with these settings: sightline train --recipe {file}
The name of this file becomes the name of the recipe."""


def render(values: Mapping[str, Any], file: str) -> str:
    """Return a recipe with all keys and their descriptions as comments.

    `values` are the nested settings of a recipe; `file` is how the file is named in a command.
    """
    architecture = values["model"].get(ARCHITECTURE, CNN)
    lines = [_comment(_TOP.format(file=file))]
    for part in parts():
        if part.architecture in {"", architecture}:
            lines += _section(part, values)
    return "\n".join(lines) + "\n"


def _section(part: Part, values: Mapping[str, Any]) -> Iterator[str]:
    given = values.get(part.section, {}) if part.section else values
    if part.section:
        yield f"\n\n{_comment(part.description)}\n[{part.section}]"
    said = {""}
    for key in part.keys:
        name = key.name.removeprefix(f"{part.section}.")
        if name in _FILLED_IN or "[]" in name:
            continue
        if new := [text for text in (key.group, key.description) if text not in said]:
            said.update(new)
            yield f"\n{_comment(' '.join(new))}"
        yield _line(key, name, given)


def _line(key: Key, name: str, given: Mapping[str, Any]) -> str:
    value: Any = given
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is not None:
        return f"{name} = {toml.write_value(value)}"
    if key.default is not REQUIRED and key.default is not None:
        return f"# {name} = {toml.write_value(key.default)}"
    example = "..." if key.example is None else key.example
    return f"# {name} = {toml.write_value(example)} # an example; unset by default"


def _comment(text: str) -> str:
    lines = (line for part in text.splitlines() for line in textwrap.wrap(part, _WIDTH - 2))
    return "\n".join(f"# {line}" for line in lines)
