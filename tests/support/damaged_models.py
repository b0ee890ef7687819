"""Damage an honest model file at random: its config, bytes, weights or metadata."""

import io
import json
import random
from copy import deepcopy
from typing import Any

import h5py

from hostile_metadata import with_metadata
from hostile_models import WEIGHTS, config_of, pack, unpack, with_config
from sightline.records.model_metadata import FILE

_FUNCTION = {"class_name": "function", "config": "system", "module": "os"}
_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 3, 1 << 31, 1 << 40, 1e308, float("nan")),
    *("", "relu", "float16", "int8_from_float32", "../../etc/passwd", "ü" * 300, "\x1b[2J\n\x00"),
    *("keras.layers", "keras.src.layers.core.lambda_layer", "os", "Lambda", "Dense", "Functional"),
    *("function", "__lambda__", "__numpy__"),
    *([], {}, [None, 1 << 40, 1], {**_FUNCTION, "registered_name": "function"}),
)


def damage_config(honest: bytes, rng: random.Random) -> bytes:
    """Replace, remove, repeat or swap one to four parts of the config."""
    config = config_of(honest)
    for _ in range(rng.randint(1, 4)):
        _damage(config, rng)
    return with_config(honest, config)


def damage_metadata(honest: bytes, rng: random.Random) -> bytes:
    """Replace, remove, repeat or swap one to four parts of the metadata."""
    metadata = json.loads(unpack(honest)[FILE])
    for _ in range(rng.randint(1, 4)):
        _damage(metadata, rng)
    return with_metadata(honest, json.dumps(metadata).encode())


def damage_bytes(honest: bytes, rng: random.Random) -> bytes:
    """Flip a few bits anywhere in the archive, or truncate it."""
    content = bytearray(honest)
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content if rng.random() < 0.9 else content[: rng.randrange(len(content))])


def damage_weights(honest: bytes, rng: random.Random) -> bytes:
    """Change bytes of the HDF5 file outside its arrays, under a correct checksum."""
    members = unpack(honest)
    content = bytearray(members[WEIGHTS])
    arrays: set[int] = set()

    def collect(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays.update(range(item.id.get_offset(), item.id.get_offset() + item.nbytes))

    with h5py.File(io.BytesIO(members[WEIGHTS])) as file:
        file.visititems(collect)
    structure = [place for place in range(len(content)) if place not in arrays]
    for _ in range(rng.randint(1, 8)):
        content[rng.choice(structure)] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
    return pack({**members, WEIGHTS: bytes(content)})


def _damage(config: dict[str, Any], rng: random.Random) -> None:
    holders = [value for value in _values(config) if isinstance(value, dict | list) and value]
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    action = rng.choice(("replace", "remove", "swap", "repeat"))
    if action == "replace":
        holder[key] = deepcopy(rng.choice(_VALUES))
    elif action == "remove":
        del holder[key]
    elif action == "swap":
        holder[key] = deepcopy(rng.choice(holders))
    elif isinstance(holder, list):
        holder.insert(key, deepcopy(holder[key]))


def _values(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(deeper for part in inner for deeper in _values(part))]
