"""Group the members of a WebDataset tar file into samples of an image and its label."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePath
from typing import NamedTuple

from sightline.config import DataConfig
from sightline.data.decoding import image_kinds
from sightline.data.decoding.images import EncodedImage
from sightline.data.labelling.label_columns import DEFAULT, LABEL_COLUMNS
from sightline.data.labelling.label_values import is_missing
from sightline.data.readers.base import MAX_IMAGE_BYTES
from sightline.data.readers.webdataset.tar_members import Member, read_members
from sightline.errors import DataError
from sightline.storage.text import quoted

_MAX_TEXT_BYTES = 1 << 20
_MAX_MEMBERS = 100
_DEFAULT = DataConfig()


@dataclass
class Tally:
    """What was found beside images and their labels."""

    left_out: Counter[str] = field(default_factory=Counter)  # Files without an image, by ending
    captions: int = 0  # Labels that are the text of a .txt member


class Sample(NamedTuple):
    """An image and its label as text; None if it has none."""

    image: EncodedImage
    label: str | None


def read_samples(path: Path, settings: DataConfig, tally: Tally) -> Iterator[Sample]:
    """Yield the samples that have an image: members that follow each other and share a name.

    The name of a sample ends before the first dot after the folder; what follows is the kind of a
    member. Raises DataError if a member is damaged or too large, or a sample has two images.
    """
    for key, members in groupby(read_members(path), lambda member: _split_name(member.name)[0]):
        if key and PurePath(key).name:
            sample = _read_sample(members, settings, tally)
            if sample:
                yield sample


def _split_name(name: str) -> tuple[str, str]:
    """Split a name before the first dot of its last part: a/b.seg.png into a/b and seg.png."""
    folder, slash, last = name.rpartition("/")
    stem, _, kind = last.partition(".")
    return (f"{folder}{slash}{stem}" if stem else ""), kind.lower()


def _read_sample(members: Iterator[Member], settings: DataConfig, tally: Tally) -> Sample | None:
    image: tuple[str, EncodedImage] | None = None
    texts: dict[str, str] = {}
    kinds: list[str] = []
    for member in members:
        kind = _split_name(member.name)[1]
        if kind in kinds or len(kinds) == _MAX_MEMBERS:
            raise DataError(
                f"{member.place}: its sample has this member twice, or more than {_MAX_MEMBERS} "
                "members; write each sample once, with one image and its label."
            )
        kinds.append(kind)
        if kind in _text_kinds(settings):
            texts[kind] = _read_text(member)
        elif data := _read_image(member, kind, settings):
            image = _choose(image, (kind, EncodedImage(member.place, data)))
    if image is None:
        tally.left_out.update(image_kinds.count_kinds(f"x.{kind}".rstrip(".") for kind in kinds))
        return None
    return Sample(image[1], _label(texts, image[1].name, settings, tally))


def _text_kinds(settings: DataConfig) -> tuple[str, ...]:
    return (settings.label_column.lower(), "cls", *LABEL_COLUMNS, "json", "txt")


def _read_text(member: Member) -> str:
    if member.size > _MAX_TEXT_BYTES:
        raise DataError(
            f"{member.place} has {member.size:,} bytes; expected a label of at most "
            f"{_MAX_TEXT_BYTES:,}: remove it, or name the label's member with data.label_column."
        )
    try:
        return member.read(member.size).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise DataError(f"{member.place} is not UTF-8 text; expected a label, fix it.") from None


def _read_image(member: Member, kind: str, settings: DataConfig) -> bytes:
    """Return the content of a member that is an image by its ending or content, else b""."""
    suffix = PurePath(f"x.{kind}").suffix
    head = member.read(image_kinds.HEAD_BYTES)
    wanted = settings.image_column.lower()
    if wanted != _DEFAULT.image_column:
        is_image = kind == wanted
    else:
        is_image = suffix in image_kinds.SUFFIXES or image_kinds.is_image_head(head, suffix)
    if not is_image:
        return b""
    if member.size > MAX_IMAGE_BYTES:
        raise DataError(
            f"{member.place} has {member.size:,} bytes; expected an image of at most "
            f"{MAX_IMAGE_BYTES:,}: shrink or remove it."
        )
    return head + member.read(member.size) or b"\0"  # an empty file is an unreadable image


def _choose(
    first: tuple[str, EncodedImage] | None, second: tuple[str, EncodedImage]
) -> tuple[str, EncodedImage]:
    """Return the image of a sample: the one whose kind is a plain ending, such as jpg."""
    if first is None or ("." in first[0] and "." not in second[0]):
        return second
    if "." not in first[0] and "." in second[0]:
        return first
    raise DataError(
        f"{second[1].name}: its sample has two images ({quoted(first[0], 40)} and "
        f"{quoted(second[0], 40)}); set data.image_column to one of these endings."
    )


def _label(texts: dict[str, str], place: str, settings: DataConfig, tally: Tally) -> str | None:
    wanted = settings.label_column.lower()
    is_open = wanted == DEFAULT
    columns = LABEL_COLUMNS if is_open else (wanted,)
    kinds = ("cls", *LABEL_COLUMNS) if is_open else (wanted,)
    for kind in kinds:
        if not is_missing(text := texts.get(kind, "")):
            return text
    if "json" in texts and not is_missing(text := _from_json(texts["json"], columns, place)):
        return text
    if is_open and not is_missing(texts.get("txt", "")):
        tally.captions += 1
        return texts["txt"]
    return None


def _from_json(text: str, columns: tuple[str, ...], place: str) -> str:
    """Return the value of the first of these keys, in any case; "" if there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{place}: its .json member is not JSON ({quoted(error)}); fix it."
        ) from None
    fields = {key.lower(): value for key, value in found.items()} if isinstance(found, dict) else {}
    value = next((fields[column] for column in columns if column in fields), None)
    if value is None:
        return ""
    if isinstance(value, list | dict):
        raise DataError(
            f"{place}: the label in its .json member is {quoted(json.dumps(value), 60)}; expected "
            "one integer or text, set data.label_column to another key."
        )
    return str(value).strip()
