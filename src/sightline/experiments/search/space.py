"""The search space of a hyperparameter search: config keys and the values that each may take.

A value is written like a function: `log(1e-4, 1e-1)`, `uniform(0, 0.5)`, `int(2, 8)`,
`choice(adam, sgd)`.
"""

import itertools
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from sightline.config import RunConfig, explain, keys, toml
from sightline.config.flatten import flatten
from sightline.config.layers import Layer, merge
from sightline.errors import ConfigError
from sightline.records import Record

Value = float | int | str

_FORM = re.compile(r"(log|uniform|int|choice)\((.*)\)", re.DOTALL)
_EXPECTED = "log(a, b), uniform(a, b), int(a, b) or choice(x, y, ...)"
_SEARCHED = ("model.", "training.", "embedding.", "data.image_size", "preprocessing.scale")
_NOT_SEARCHED = frozenset(
    f"training.{name}" for name in ("device", "deployment", "nodes", "deterministic")
)
_SAMPLES = 50  # Samples of a space that are checked before the first trial


class Dimension(Record):
    """The values that one config key may take."""

    key: str
    kind: Literal["log", "uniform", "int", "choice"]
    low: float = 0  # Bounds, which belong to the values; unused by a choice
    high: float = 0
    choices: tuple[str, ...] = ()  # As in TOML, such as "0.1", "true" or "adam"

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        if self.kind == "int":
            return True
        of_key = keys.names()[self.key].type.startswith("integer")
        return self.kind == "log" and of_key and self.low.is_integer() and self.high.is_integer()

    def __str__(self) -> str:
        """Return its values as they are written."""
        inner = self.choices or (f"{self.low:.10g}", f"{self.high:.10g}")
        return f"{self.kind}({', '.join(inner)})"


class Settings(NamedTuple):
    """Settings of a search: those that are searched, and fixed ones as for `--set`."""

    space: tuple[Dimension, ...]
    fixed: tuple[str, ...]


def read(path: Path | None, settings: Iterable[str]) -> Settings:
    """Read the search space from a TOML file and from settings `key=value`, which win.

    Values that are not of a search space are fixed settings. Raises ConfigError if there is no
    space, a value is malformed, or a key cannot be searched.
    """
    found: dict[str, Dimension] = {}
    fixed: list[str] = []
    for setting in (*_of_file(path), *settings):
        key, _, text = (part.strip() for part in setting.partition("="))
        if match := _FORM.fullmatch(text):
            found[key] = _dimension(key, match[1], match[2])
        else:
            fixed.append(setting)
    if not found:
        raise ConfigError(
            f"There is nothing to search: no value of --space or --set is {_EXPECTED}, such as "
            '--set "training.learning_rate=log(1e-4, 1e-1)".'
        )
    return Settings(tuple(found[key] for key in sorted(found)), tuple(fixed))


def apply(config: RunConfig, values: Mapping[str, Value]) -> RunConfig:
    """Return a config with the values of a trial; raise ConfigError if it is not valid."""
    layers = [Layer("recipe", config.model_dump(exclude_unset=True))]
    for key, value in values.items():
        nested: Any = toml.parse_value(value) if isinstance(value, str) else value
        for part in reversed(key.split(".")):
            nested = {part: nested}
        layers.append(Layer("--set", nested))
    try:
        return RunConfig.model_validate(merge(layers))
    except ValidationError as error:
        raise ConfigError(explain.explain(error, layers)) from None


def check(config: RunConfig, space: Iterable[Dimension]) -> None:
    """Check that samples of a space are valid configs: all bounds and choices, and random ones.

    Raises ConfigError with the first sample that is not.
    """
    for sample in _samples(tuple(space)):
        try:
            apply(config, sample)
        except ConfigError as error:
            shown = ", ".join(f"{key}={toml.write_setting(one)}" for key, one in sample.items())
            raise ConfigError(
                f"The search space allows {shown}, which is no valid config: {error} Narrow the "
                "space, or fix other keys with --set."
            ) from None


def _of_file(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    for key, value in flatten(toml.parse(toml.read(path), path)):
        text = json.loads(value)
        is_space = isinstance(text, str) and _FORM.fullmatch(text.strip())
        yield f"{key}={text if is_space else value}"


def _dimension(key: str, kind: Any, inner: str) -> Dimension:
    if key not in keys.names():
        near = explain.key_of(key) or ""
        near = f", did you mean {near!r}?" if near else explain.suggestion(key, keys.names())
        raise ConfigError(
            f"Unknown config key {explain.shown(key)} in the search space{near} "
            "(`sightline config reference` prints all keys)."
        )
    if not key.startswith(_SEARCHED) or key in _NOT_SEARCHED:
        raise ConfigError(
            f"The config key {key!r} cannot be searched, since trials would not be comparable or "
            "equal; expected keys of the sections model, training and embedding, or "
            "data.image_size."
        )
    given = [part.strip() for part in inner.split(",")]
    if kind == "choice":
        if len(set(given)) == 1 or not all(given):
            raise _malformed(key, kind, inner, "expected at least two values, such as (16, 32)")
        return Dimension(key=key, kind=kind, choices=tuple(dict.fromkeys(given)))
    return _range(key, kind, inner, given)


def _range(key: str, kind: Any, inner: str, given: list[str]) -> Dimension:
    try:
        low, high = (float(part) for part in given)
    except ValueError:
        raise _malformed(key, kind, inner, "expected two numbers") from None
    if not (abs(low) < float("inf") and abs(high) < float("inf") and low < high):
        raise _malformed(key, kind, inner, "expected the smaller number first")
    if kind == "log" and low <= 0:
        raise _malformed(key, kind, inner, "expected numbers above 0")
    if kind == "int" and not (low.is_integer() and high.is_integer()):
        raise _malformed(key, kind, inner, "expected whole numbers")
    return Dimension(key=key, kind=kind, low=low, high=high)


def _malformed(key: str, kind: str, inner: str, expected: str) -> ConfigError:
    shown = explain.shown(f"{kind}({inner})")
    return ConfigError(f"The search space of {key} is {shown}; {expected}: {_EXPECTED}.")


def _samples(space: tuple[Dimension, ...]) -> Iterator[dict[str, Value]]:
    """Yield every bound and choice once, and then random samples."""
    ends = [_ends(one) for one in space]
    for row in itertools.islice(itertools.zip_longest(*ends), 1000):
        yield {
            one.key: values[0] if value is None else value
            for one, values, value in zip(space, ends, row, strict=True)
        }
    rng = random.Random(0)  # noqa: S311 - no secret
    for _ in range(_SAMPLES):
        yield {one.key: _random(rng, one) for one in space}


def _random(rng: random.Random, dimension: Dimension) -> Value:
    if dimension.choices:
        return rng.choice(dimension.choices)
    if dimension.whole:
        return rng.randint(int(dimension.low), int(dimension.high))
    return rng.uniform(dimension.low, dimension.high)


def _ends(dimension: Dimension) -> list[Value]:
    if dimension.choices:
        return list(dimension.choices)
    bounds = [dimension.low, dimension.high]
    return [int(one) for one in bounds] if dimension.whole else list(bounds)
