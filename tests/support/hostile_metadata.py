"""Model files with hostile metadata, as `hostile_models` describes."""

import json
from pathlib import Path
from typing import Any

from hostile_models import ATTACKS, NAMED, Attack, pack, refused_with, unpack
from sightline.records.model_metadata import FILE


def with_metadata(honest: bytes, content: bytes) -> bytes:
    return pack(unpack(honest) | {FILE: content})


def changed(**fields: Any) -> bytes:
    return json.dumps({**NAMED.model_dump(mode="json"), **fields}).encode()


def attack_by(name: str, content: bytes) -> Attack:
    """Turn the content of the metadata into an attack of this name."""

    def attack(honest: bytes, canary: Path) -> bytes:
        return with_metadata(honest, content)

    attack.__name__ = name
    return attack


_DAMAGED: dict[str, tuple[str, bytes]] = {
    "metadata_of_no_json": ("sightline.json is damaged", b"{"),
    "metadata_of_no_text": ("sightline.json is damaged", b"\xff\xfe{}"),
    "metadata_of_a_list": ("sightline.json is damaged", b"[]"),
    "deep_metadata": ("sightline.json is damaged", b"[" * 200_000),
    "long_metadata": ("expected at most 4,194,304", changed() + b" " * (5 << 20)),
    "metadata_of_another_version": ("version", changed(version=2)),
    "metadata_with_a_pickle": ("pickle", changed(pickle="Y29zCnN5c3RlbQ==")),
    "white_of_zero": ("white", changed(white=0)),
    "resize_by_code": ("resize", changed(resize="__import__('os').system")),
    "names_without_end": ("class_names", changed(class_names=["n" * 100_000, "dog"])),
    "too_many_names": ("class_names", changed(class_names=[str(n) for n in range(100_000)])),
    "control_codes_in_a_name": ("control characters", changed(class_names=["\x1b[2J", "dog"])),
    "lines_in_a_name": ("control characters", changed(class_names=["a\nb", "dog"])),
    "equal_names": ("two classes of one name", changed(class_names=["dog", "dog"])),
}
ATTACKS |= {attack_by(name, content): why for name, (why, content) in _DAMAGED.items()}


@refused_with("expected the members")
def second_metadata(honest: bytes, canary: Path) -> bytes:
    twice = pack(unpack(honest) | {FILE: changed(), "sightline.jsom": changed(white=1023)})
    return twice.replace(b"sightline.jsom", FILE.encode())
