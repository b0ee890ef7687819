"""The reference of all keys in Markdown, docs/config-reference.md."""

import shlex

from sightline.config import toml
from sightline.config.keys import REQUIRED, Key, Part, parts

COMMAND = "sightline config reference > docs/config-reference.md"

_TOP = f"""# Config reference

All keys, section by section. Set them with `--set`, as in the examples, or in a TOML file:
see [config.md](config.md). A key whose default is "unset" has no
value until you give one.

<!-- Generated from src/sightline/config: do not edit, run `{COMMAND}` -->
"""


def render() -> str:
    """Return the reference."""
    return "\n".join([_TOP, *map(_section, parts())])


def setting(key: Key) -> str:
    """Return the example of a key as an argument of `--set`, quoted for the shell."""
    return shlex.quote(f"{key.name}={toml.write_setting(key.example)}")


def _section(part: Part) -> str:
    title = f"Section {part.section}" if part.section else "Outside of sections"
    if part.architecture:
        title += f': architecture "{part.architecture}"'
    return "\n".join([f"## {title}\n\n{part.description}\n", *map(_entry, part.keys)])


def _entry(key: Key) -> str:
    values = ", ".join(f"`{toml.write_value(one)}`" for one in key.choices) or key.type
    default = "none, required"
    if key.default is not REQUIRED:
        default = "unset" if key.default is None else f"`{toml.write_value(key.default)}`"
    facts = f"Values: {values}. Default: {default}."
    if key.example is not None and "[]" not in key.name:
        facts += f" Example: `--set {setting(key)}`"
    return f"### `{key.name}`\n\n{f'{key.group} {key.description}'.strip()}\n\n{facts}\n"
