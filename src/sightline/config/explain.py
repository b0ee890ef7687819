"""What a wrong config is told: which key, what was found there, and the nearest right key."""

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
    """Describe one fault of a config; an unknown key before all others, as it explains them.

    Args:
        error: What the check found.
        config_file: The user's config file, where there is one.

    Returns:
        One sentence.
    """
    faults = error.errors(include_url=False)
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    key = shown(".".join(str(part) for part in fault["loc"]))
    where = f" (from {config_file}, --set or the recipe)" if config_file else ""
    if fault["type"] == "extra_forbidden":
        return f"Unknown config key {key}{where}{_near_key(fault['loc'])}."
    if fault["type"] == "missing":
        return f"The config key {key} is missing{where}."
    expected = f"{fault['msg'][0].lower()}{fault['msg'][1:]}"
    if fault["type"] == "model_type":
        expected = f"expected a table with the keys {', '.join(_known_at(fault['loc']))}"
    if fault["type"] == "tuple_type":
        expected = 'expected a list, such as ["a", "b"] or [1, 2]'
    return f"The config key {key} does not accept {shown(fault['input'])}{where}: {expected}."


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the known word that is nearest; nothing if none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def shown(value: Any) -> str:
    """Return a value as it is written in Python, shortened to a length that can be read."""
    try:
        text = repr(value)
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _near_key(location: Location) -> str:
    word, known = str(location[-1]), _known_at(location[:-1])
    near = suggestion(word, known)
    if not near:
        elsewhere = {key.rpartition(".")[2]: key for key in _all_keys(RunConfig)}
        match = difflib.get_close_matches(word, elsewhere, n=1)
        near = f", did you mean {elsewhere[match[0]]!r}?" if match else ""
    return f"{near}; known here: {', '.join(known)}"


def _known_at(location: Location) -> list[str]:
    """List the keys of the section at a location; the number of a list's item leads nowhere."""
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
    """Return the section that a key holds, by itself or as the items of a list."""
    kinds = (annotation, *get_args(annotation))
    return next(
        (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None
    )
