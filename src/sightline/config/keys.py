"""The keys of the config with their types, limits, defaults and descriptions."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from sightline.config.model import ARCHITECTURE
from sightline.config.run import RunConfig

REQUIRED = object()
"""The default of a key that has none."""

Node = Mapping[str, Any]  # A part of a JSON Schema

_TYPES = {"boolean": "true or false", "number": "number", "integer": "integer", "string": "text"}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


class Key(NamedTuple):
    """A key of the config."""

    name: str  # In full, such as "training.epochs"; [] stands for each item of a list
    group: str  # Description of the table in the section that has the key; empty if there is none
    description: str
    type: str  # With limits, such as "integer, ≥ 1, ≤ 10,000"
    choices: tuple[Any, ...]  # All allowed values; empty if there are too many
    default: Any  # None: unset
    example: Any  # None: there is none


class Part(NamedTuple):
    """The keys of a section; of the section `model` there is one part for each architecture."""

    section: str  # Empty for the keys outside of sections
    architecture: str  # Of the section `model`, otherwise empty
    description: str
    keys: tuple[Key, ...]


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of recipes and config files.

    Every key is optional in it, since a file may override a few keys of a recipe.
    """
    found = RunConfig.model_json_schema()
    for section in (found, *found["$defs"].values()):
        section.pop("required", None)
    found["properties"]["model"]["anyOf"] = found["properties"]["model"].pop("oneOf")
    title = {"title": "A recipe or config file of Sightline", "description": RunConfig.__doc__}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, **title}


@cache
def parts() -> tuple[Part, ...]:
    """Return all keys by section, in the order of the config."""
    found = schema()
    definitions = found["$defs"]
    outside: dict[str, Node] = {}
    inside = []
    for name, field in found["properties"].items():
        if name == "model":
            for variant in field["anyOf"]:
                section = _resolve(variant, definitions)
                inside.append(_part(name, section, None, definitions))
        elif "$ref" in field:
            section = _resolve(field, definitions)
            inside.append(_part(name, section, field.get("default"), definitions))
        else:
            outside[name] = field
    top = {"properties": outside, "description": "Keys before the first section."}
    return (_part("", top, None, definitions), *inside)


def names() -> dict[str, Key]:
    """Return the keys that can be set, by name, each with the choices of all architectures."""
    found: dict[str, Key] = {}
    for key in (key for part in parts() for key in part.keys if "[]" not in key.name):
        known = found.get(key.name, key._replace(choices=()))
        found[key.name] = key._replace(choices=(*known.choices, *key.choices))
    return found


def _part(name: str, section: Node, defaults: Any, definitions: Node) -> Part:
    architecture = section["properties"].get(ARCHITECTURE, {}).get("const", "")
    prefix = f"{name}." if name else ""
    keys = tuple(_walk(section, prefix, "", defaults or {}, definitions))
    return Part(name, architecture, _line(section["description"]), keys)


def _walk(
    section: Node, prefix: str, group: str, defaults: Node, definitions: Node
) -> Iterator[Key]:
    """Yield the keys of a section; `defaults` are its values unless set."""
    for name, field in section["properties"].items():
        default = defaults.get(name, field.get("default", REQUIRED))
        text = _line(field.get("description", ""))
        if "$ref" in field:
            inner = _resolve(field, definitions)
            text = text or _line(inner["description"])
            yield from _walk(inner, f"{prefix}{name}.", text, default, definitions)
            continue
        kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
        choices = tuple(value for kind in kinds for value in _choices(kind))
        example = next(iter(field.get("examples", ())), None)
        if example is None:
            example = next((value for value in choices if value != default), None)
        values = _type(kinds[0])
        if number := next((kind for kind in kinds if choices and not _choices(kind)), None):
            values = " or ".join([*(f"`{json.dumps(one)}`" for one in choices), _type(number)])
            choices = ()
        yield Key(f"{prefix}{name}", group, text, values, choices, default, example)
        if "$ref" in (items := kinds[0].get("items", {})):
            inner = _resolve(items, definitions)
            yield from _walk(inner, f"{prefix}{name}[].", "", {}, definitions)


def _resolve(field: Node, definitions: Node) -> Node:
    found: Node = definitions[field["$ref"].rpartition("/")[2]]
    return found


def _choices(kind: Node) -> list[Any]:
    if kind.get("type") == "boolean":
        return [False, True]
    return list(kind.get("enum", [kind["const"]] if "const" in kind else []))


def _type(kind: Node) -> str:
    """Describe a type that is not a choice, with its limits."""
    if kind.get("format") == "path":
        return "path"
    if kind.get("type") == "array":
        each = kind.get("items") or kind["prefixItems"][0]
        count = f" of {kind['minItems']}" if "prefixItems" in kind else ""
        return f"list{count}, each {_type(each)}"
    if choices := kind.get("enum"):
        return " or ".join(map(str, choices))
    bounds = [f"{sign} {kind[name]:,.10g}" for name, sign in _BOUNDS.items() if name in kind]
    if "maxLength" in kind:
        bounds.append(f"≤ {kind['maxLength']:,} characters")
    return f"{_TYPES.get(kind.get('type', ''), 'a table')} {', '.join(bounds)}".strip()


def _line(text: str) -> str:
    return " ".join(text.split())
