"""The reference of all keys in Markdown, docs/config-reference.md."""

import shlex
from collections.abc import Iterator

from sightline.config import toml
from sightline.config.keys import REQUIRED, Key, Part, parts

COMMAND = "sightline config reference > docs/config-reference.md"

_TOP = f"""# Config reference

All keys, section by section. Set them with `--set`, as in the examples, or in a TOML file:
see [config.md](config.md). "unset" is the default of keys that have no value until you give one.

<!-- Generated from src/sightline/config: do not edit, run `{COMMAND}` -->
"""
_HEAD = "| key | values | default | description | example |\n| --- | --- | --- | --- | --- |"


def render() -> str:
    """Return the reference."""
    return "\n".join([_TOP, *map(_section, parts())])


def setting(key: Key) -> str:
    """Return the example of a key as an argument of `--set`, quoted for the shell."""
    return shlex.quote(f"{key.name}={toml.write_setting(key.example)}")


def _section(part: Part) -> str:
    title = f"`{part.section}`" if part.section else "Outside of sections"
    if part.architecture:
        title += f', architecture = "{part.architecture}"'
    return "\n".join([f"## {title}\n\n{part.description}\n", _HEAD, *_rows(part), ""])


def _rows(part: Part) -> Iterator[str]:
    group = ""
    for key in part.keys:
        name = key.name.removeprefix(f"{part.section}.")
        values = ", ".join(f"`{toml.write_value(one)}`" for one in key.choices) or key.type
        settable = key.example is not None and "[]" not in key.name
        cells = (
            f"`{name}`",
            values,
            _default(key),
            key.description if key.group == group else f"{key.group} {key.description}".strip(),
            f"`--set {setting(key)}`" if settable else "",
        )
        group = key.group
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _default(key: Key) -> str:
    if key.default is REQUIRED:
        return "required"
    return "unset" if key.default is None else f"`{toml.write_value(key.default)}`"
