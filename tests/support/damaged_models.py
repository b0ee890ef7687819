"""Damage done to an honest model file at random: to its config, its bytes, its weights."""

import io
import json
import random
from typing import Any

import h5py

from hostile_models import CONFIG, WEIGHTS, pack, unpack

_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    3,
    1 << 31,
    1 << 40,
    1e308,
    float("nan"),
    "",
    "relu",
    "float16",
    "int8_from_float32",
    "../../etc/passwd",
    "keras.layers",
    "keras.src.layers.core.lambda_layer",
    "os",
    "Lambda",
    "Dense",
    "Functional",
    "function",
    "__lambda__",
    "__numpy__",
    "ü" * 300,
    "\x1b[2J\n\x00",
    [],
    {},
    [None, 1 << 40, 1],
    {"class_name": "function", "config": "system", "module": "os", "registered_name": "function"},
)


def damage_config(honest: bytes, rng: random.Random) -> bytes:
    """Replace, remove, repeat or exchange one to four parts of the config."""
    members = unpack(honest)
    config = json.loads(members[CONFIG])
    for _ in range(rng.randint(1, 4)):
        _damage(config, rng)
    return pack({**members, CONFIG: json.dumps(config).encode()})


def damage_bytes(honest: bytes, rng: random.Random) -> bytes:
    """Flip a few bits anywhere in the archive, or cut it off."""
    content = bytearray(honest)
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content if rng.random() < 0.9 else content[: rng.randrange(len(content))])


def damage_weights(honest: bytes, rng: random.Random) -> bytes:
    """Change bytes of the HDF5 file outside its arrays, under a right checksum."""
    members = unpack(honest)
    content = bytearray(members[WEIGHTS])
    arrays = _array_bytes(members[WEIGHTS])
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(content))
        while place in arrays:
            place = rng.randrange(len(content))
        content[place] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
    return pack({**members, WEIGHTS: bytes(content)})


def _damage(config: dict[str, Any], rng: random.Random) -> None:
    holders = [value for value in _all(config) if isinstance(value, dict | list) and value]
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    action = rng.choice(("replace", "remove", "exchange", "repeat"))
    if action == "replace":
        holder[key] = json.loads(json.dumps(rng.choice(_VALUES)))
    elif action == "remove":
        del holder[key]
    elif action == "exchange":
        holder[key] = json.loads(json.dumps(rng.choice(holders)))
    elif isinstance(holder, list):
        holder.insert(key, json.loads(json.dumps(holder[key])))


def _all(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(deeper for part in inner for deeper in _all(part))]


def _array_bytes(weights: bytes) -> frozenset[int]:
    found: set[int] = set()

    def collect(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            start = item.id.get_offset()
            found.update(range(start, start + item.nbytes))

    with h5py.File(io.BytesIO(weights)) as file:
        file.visititems(collect)
    return frozenset(found)
