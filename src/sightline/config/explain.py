"""Error messages for invalid configs: the key, its value and the closest valid key."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sightline.config import RunConfig, keys
from sightline.config.layers import Layer, file_with
from sightline.config.model import ARCHITECTURE

_SHOWN_CHARACTERS = 80
_SECRETS = re.compile(r"(://)[^/\s]*@|(://[^\s?]*\?)[^\s'\"]*")  # Of a URL: password, query

USUAL_NAMES = {
    "batch": "training.batch_size",
    "batch_size": "training.batch_size",
    "bs": "training.batch_size",
    "decay": "training.weight_decay",
    "early_stop": "training.early_stopping",
    "img_size": "data.image_size",
    "imgsz": "data.image_size",
    "input_size": "data.image_size",
    "lr": "training.learning_rate",
    "num_epochs": "training.epochs",
    "opt": "training.optimizer",
    "patience": "training.early_stopping",
    "size": "data.image_size",
    "val_split": "preprocessing.validation_fraction",
    "validation_split": "preprocessing.validation_fraction",
    "wd": "training.weight_decay",
}
"""What other programs call a key, and its name here."""

Location = tuple[int | str, ...]
Model = type[BaseModel]


def explain(error: ValidationError, layers: Sequence[Layer], section: Location = ()) -> str:
    """Describe the first problem of a config, or of one of its sections, in one sentence.

    Unknown keys come first, since a misspelled key often causes the other problems. The file that
    has the key is named.
    """
    problems = error.errors(include_url=False)
    problem = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    kind, expected = problem["type"], problem["msg"].removeprefix("Value error, ")
    location, inner = _follow((*section, *problem["loc"]))
    key = shown(".".join(str(part) for part in location))
    if not location:  # the sections disagree
        return f"{expected}."
    file = file_with(layers, location)
    where = f" (from {file})" if file else ""
    if kind == "extra_forbidden":
        return f"Unknown config key {key}{where}{_near_key(str(location[-1]), inner)}."
    if kind == "missing":
        remedy = "; a file that changes some keys of a recipe belongs to --config" if file else ""
        return f"The config key {key} is missing{where}{remedy}."
    if kind == "union_tag_invalid":
        context = problem["ctx"]
        return (
            f"The config key {key[:-1]}.{ARCHITECTURE}' does not accept {context['tag']!r}{where}: "
            f"expected {context['expected_tags']}."
        )
    if kind == "model_type":
        expected = f"expected a table with the keys {', '.join(inner.model_fields)}"
    elif kind == "tuple_type":
        expected = 'expected a list, such as ["a", "b"] or [1, 2]'
    expected = f"{expected[0].lower()}{expected[1:]}"
    return f"The config key {key} does not accept {shown(problem['input'])}{where}: {expected}."


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the closest known word, or "" if none is close."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def key_of(word: str) -> str | None:
    """Return the full config key of its last part or of a usual name such as "lr", if any.

    Of keys that end alike, it is the one that is less deep.
    """
    return USUAL_NAMES.get(word) or _full_keys().get(word)


def shown(value: Any) -> str:
    """Return the representation of a value, shortened for an error message."""
    try:
        text = repr(value)
    except ValueError:  # Python converts no integer of more than 4,300 digits to text
        return "a number of thousands of digits"
    text = _SECRETS.sub(lambda found: f"{found[1] or found[2]}…", text)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _near_key(word: str, section: Model) -> str:
    if ARCHITECTURE in section.model_fields:
        for other in _sections(RunConfig.model_fields["model"].annotation):
            if word in other.model_fields:
                name = other.model_fields[ARCHITECTURE].default
                return (
                    f'; it needs model.{ARCHITECTURE}="{name}", which recipes set '
                    "(see `sightline recipes list`)"
                )
    known = list(section.model_fields)
    usual = USUAL_NAMES.get(word)
    near = f", did you mean {usual!r}?" if usual else suggestion(word, known)
    if not near:
        full_keys = _full_keys()
        match = difflib.get_close_matches(word, full_keys, n=1)
        near = f", did you mean {full_keys[match[0]]!r}?" if match else ""
    return f"{near}; expected one of: {', '.join(known)}"


def _full_keys() -> dict[str, str]:
    found = sorted(keys.names(), key=lambda key: -key.count("."))
    return {key.rpartition(".")[2]: key for key in found}


def _follow(location: Location) -> tuple[Location, Model]:
    """Return a location without the tags of unions, and the last section on the way to it."""
    section: Model = RunConfig
    choices: tuple[Model, ...] = ()
    kept: list[int | str] = []
    for part in location:
        if len(choices) > 1:  # a tag: the value of the key `architecture`
            section = next(one for one in choices if one.model_fields[ARCHITECTURE].default == part)
            choices = ()
            continue
        kept.append(part)
        if isinstance(part, str) and part in section.model_fields:
            choices = _sections(section.model_fields[part].annotation)
            section = choices[0] if choices else section
    return tuple(kept), section


def _sections(annotation: Any) -> tuple[Model, ...]:
    """Return the section types of a field, or of the items of a list field."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(one for inner in get_args(annotation) for one in _sections(inner))
