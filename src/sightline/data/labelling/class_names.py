"""The normal form, the checks and the order of class names."""

import re
import unicodedata
from collections.abc import Sequence

from sightline.errors import DataError
from sightline.storage.text import quoted

MIN_CLASSES, MAX_CLASSES = 2, 1000
_MAX_NAME = 200
_MAX_DECOMPOSED = 4 * _MAX_NAME
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control, half a surrogate pair, line ends
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DIGITS = re.compile(r"[0-9]+")


def normalize(name: str) -> str:
    """Return a name in Unicode form NFC (UAX #15), without blanks around it.

    Text too long for a name stays as it is, since sorting its accents takes quadratic time.
    """
    if len(name) > _MAX_DECOMPOSED:
        return name
    return unicodedata.normalize("NFC", name).strip()


def normalize_all(names: Sequence[str], subject: str, *, ignore_case: bool) -> tuple[str, ...]:
    """Normalize the names of one source, in their order.

    Raises DataError, naming `subject`, if two become one, or if `ignore_case` and they differ in
    case alone.
    """
    found: dict[str, str] = {}
    for name in names:
        key = normalize(name).lower() if ignore_case else normalize(name)
        if key in found:
            first, second = (quoted(ascii(one), 60) for one in (found[key], name))
            raise DataError(
                f"{subject}: the class names {first} and {second} are equal but for case, "
                "blanks or Unicode form; rename one, or make them one class."
            )
        found[key] = name
    return tuple(map(normalize, names))


def check(names: Sequence[str], subject: str) -> None:
    """Raise DataError, naming `subject`, for too few, too many or unprintable names."""
    if not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{subject}: expected {MIN_CLASSES} to {MAX_CLASSES:,} classes, found {len(names):,}."
        )
    for name in names:
        if not name.strip() or len(name) > _MAX_NAME:
            raise DataError(
                f"{subject}: expected class names of 1 to {_MAX_NAME} characters, found "
                f"{name[:40]!r}."
            )
        if any(unicodedata.category(character) in _UNPRINTABLE for character in name):
            raise DataError(
                f"{subject}: the class name {name!r} contains control characters; rename it."
            )


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Sort checked names: integers by value, `day2` before `day10`, all others as text.

    Natural order compares the text before the number, the number, and the text after it. It applies
    if no name has a second number, since several can be a decimal fraction, a version or a date.
    """
    if all(map(_INTEGER.fullmatch, names)):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    if any(len(_DIGITS.findall(name)) > 1 for name in names):
        return tuple(sorted(names))
    return tuple(sorted(names, key=_natural))


def _natural(name: str) -> tuple[str, int, str, str]:
    number = _DIGITS.search(name)
    if number is None:
        return name, -1, "", name
    return name[: number.start()], int(number[0]), name[number.end() :], name
