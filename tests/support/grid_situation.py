"""What a situation of the grid is, and images and labels for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid_formats import Example

SIDE = 12


@dataclass(frozen=True)
class Outcome:
    """What should happen, with facts that the notes or the error must state."""

    word: str  # A cell of the table: read, noted or refused
    facts: tuple[str, ...] = ()


READ = Outcome("read")


def noted(*facts: str) -> Outcome:
    """Return: read, with notes that state these facts."""
    return Outcome("noted", facts)


def refused(*facts: str) -> Outcome:
    """Return: refused with a sentence that states these facts."""
    return Outcome("refused", facts)


@dataclass(frozen=True)
class Situation:
    """A row of the grid."""

    name: str
    examples: tuple[Example, ...]
    outcome: Outcome = READ
    others: Mapping[str, Outcome] = field(default_factory=dict)  # By format
    needs: str = ""  # What formats must hold, separated by commas; others cannot have it
    classes: tuple[str, ...] | None = None  # Names in label order; unset: the labels as they occur
    # Names of splits to those of the ingested data; "" if a test split is set aside, None if the
    # split is left out
    roles: Mapping[str, str | None] = field(
        default_factory=lambda: {"": "", "train": "train", "val": "validation", "test": "test"}
    )
    settings: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Path], None] | None = None  # Changes the written data set


def flat(number: int, channels: int = 1, side: int = SIDE) -> NDArray[np.uint8]:
    """Return an image of one level, different for each number."""
    return np.full((side, side, channels), 20 + 9 * number, np.uint8)


def tinted(number: int) -> NDArray[np.uint8]:
    """Return an image of one color, different for each number."""
    return flat(number, 3) + np.array([0, 4, 8], np.uint8)


def labelled(**splits: list[Any]) -> tuple[Example, ...]:
    """Return flat gray images with these labels."""
    pairs = [(split, label) for split, labels in splits.items() for label in labels]
    return tuple(Example(*pair, flat(number)) for number, pair in enumerate(pairs))


def unsplit(*labels: Any) -> tuple[Example, ...]:
    return labelled(**{"": [*labels]})


def shown(
    image: Callable[[int], NDArray[Any] | bytes],
    seen: Callable[[int], NDArray[np.uint8]] | None = None,
    suffix: str = ".png",
) -> tuple[Example, ...]:
    """Return eight images of two classes, as written and as they should be read."""
    return tuple(
        Example(split, number % 2, image(number), seen(number) if seen else None, suffix)
        for number, split in enumerate(["train"] * 4 + ["test"] * 4)
    )
