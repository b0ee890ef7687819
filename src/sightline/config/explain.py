"""Error messages for invalid configs: the key, its value and the closest valid key."""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sightline.config import RunConfig

_SHOWN_CHARACTERS = 80

Location = tuple[int | str, ...]
Model = type[BaseModel]


def explain(error: ValidationError, config_file: Path | None) -> str:
    """Describe the first problem of a config in one sentence.

    Unknown keys come first, since a misspelled key often causes the other problems.
    """
    problems = error.errors(include_url=False)
    problem = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    location, kind, expected = problem["loc"], problem["type"], problem["msg"]
    key = shown(".".join(str(part) for part in location))
    where = f" (from {config_file}, --set or the recipe)" if config_file else ""
    if not location:  # the sections disagree
        return f"{expected.removeprefix('Value error, ')}{where}."
    if kind == "extra_forbidden":
        return f"Unknown config key {key}{where}{_near_key(location)}."
    if kind == "missing":
        return f"The config key {key} is missing{where}."
    if kind == "model_type":
        expected = f"expected a table with the keys {', '.join(_keys_at(location))}"
    elif kind == "tuple_type":
        expected = 'expected a list, such as ["a", "b"] or [1, 2]'
    expected = f"{expected[0].lower()}{expected[1:]}"
    return f"The config key {key} does not accept {shown(problem['input'])}{where}: {expected}."


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the closest known word, or "" if none is close."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def shown(value: Any) -> str:
    """Return the representation of a value, shortened for an error message."""
    try:
        text = repr(value)
    except ValueError:  # Python converts no integer of more than 4,300 digits to text
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _near_key(location: Location) -> str:
    word, known = str(location[-1]), _keys_at(location[:-1])
    near = suggestion(word, known)
    if not near:
        full_keys = {key.rpartition(".")[2]: key for key in _all_keys(RunConfig)}
        match = difflib.get_close_matches(word, full_keys, n=1)
        near = f", did you mean {full_keys[match[0]]!r}?" if match else ""
    return f"{near}; expected one of: {', '.join(known)}"


def _keys_at(location: Location) -> list[str]:
    """List the keys of the section at a location; list indices are skipped."""
    section: Model = RunConfig
    for part in location:
        if isinstance(part, str):
            section = _section(section.model_fields[part].annotation) or section
    return list(section.model_fields)


def _all_keys(section: Model, prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = _section(field.annotation)
        if inner is None:
            yield f"{prefix}{name}"
        else:
            yield from _all_keys(inner, f"{prefix}{name}.")


def _section(annotation: Any) -> Model | None:
    """Return the section type of a field, or of the items of a list field."""
    kinds = (annotation, *get_args(annotation))
    return next(
        (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None
    )
