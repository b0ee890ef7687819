"""Find the images and labels of each split by the names of their arrays."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from sightline.data.split_names import find_splits
from sightline.errors import DataError
from sightline.storage.text import quoted

_ROLES = {
    **dict.fromkeys(("x", "images", "data"), "images"),
    **dict.fromkeys(("y", "labels", "target", "targets"), "labels"),
}
_NAME = re.compile(
    rf"([xy])_(?P<after>.+)|(?P<before>.+)_({'|'.join(_ROLES)})|({'|'.join(_ROLES)})", re.IGNORECASE
)


class SplitArrays(NamedTuple):
    """The names of the arrays of one split."""

    images: str
    labels: str | None  # None if the split has none


def find_arrays(path: Path, names: Collection[str]) -> dict[str, SplitArrays]:
    """Map each split to its arrays, named as in `x_train` or `train_images`, training first.

    Arrays without a split, such as `X` and `y` or `images` and `labels`, are the training split.
    Case does not matter. If one is missing, its name is the one to expect; a split other than the
    training split may have no labels. Raises DataError if a split has two of a kind.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for name in sorted(names):
        if match := _NAME.fullmatch(name):
            part = (match["after"] or match["before"] or "").lower()
            role = _ROLES[(match[1] or match[4] or match[5]).lower()]
            found.setdefault(part, {}).setdefault(role, []).append(name)
    splits = {"train": "train", **find_splits(path, found)}
    if "train" not in found and len(found.get("", {})) == len({*_ROLES.values()}):
        splits = {"train": ""}
    arrays = {}
    for split, part in splits.items():
        roles = found.get(part, {})
        has_labels = split == "train" or "labels" in roles
        arrays[split] = SplitArrays(
            _choose(path, roles, part, "images"),
            _choose(path, roles, part, "labels") if has_labels else None,
        )
    return arrays


def _choose(path: Path, found: dict[str, list[str]], part: str, role: str) -> str:
    match found.get(role, []):
        case [name]:
            return name
        case [first, second, *_]:
            raise DataError(
                f"{path} has both {quoted(repr(first))} and {quoted(repr(second))}, two "
                f"arrays of {role} of one split; rename or remove one."
            )
    other = next(iter(found.values()), [""])[0].lower()
    is_suffixed = other.endswith(("_images", "_labels")) and not other.startswith(("x_", "y_"))
    return f"{part}_{role}" if is_suffixed else f"{'x' if role == 'images' else 'y'}_{part}"
