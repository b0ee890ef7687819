"""Archives and weights files that attack their reader, as `hostile_models` describes."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from hostile_models import (
    CONFIG,
    METADATA,
    WEIGHTS,
    Attack,
    Members,
    lambda_layer,
    pack,
    refused_with,
    unpack,
)


def hdf5(change: Callable[[h5py.File, Path], None]) -> Attack:
    """Turn a change of the weights file into an attack of the same name."""

    def attack(honest: bytes, canary: Path) -> bytes:
        members = unpack(honest)
        buffer = io.BytesIO(members[WEIGHTS])
        with h5py.File(buffer, "a") as file:
            change(file, canary)
        return pack({**members, WEIGHTS: buffer.getvalue()})

    attack.__name__ = change.__name__
    return attack


def without(honest: bytes, name: str) -> Members:
    return {member: content for member, content in unpack(honest).items() if member != name}


def first_array(file: h5py.File) -> h5py.Dataset:
    return file.visititems(lambda _, item: item if isinstance(item, h5py.Dataset) else None)


def removed_array(file: h5py.File) -> tuple[str, tuple[int, ...]]:
    """Remove the first array; return its name and shape."""
    array = first_array(file)
    name, shape = array.name, array.shape
    del file[name]
    return name, shape


@refused_with("RecursionError")
def deep_json(honest: bytes, canary: Path) -> bytes:
    return pack(unpack(honest) | {CONFIG: b'{"a":' * 200_000})


@refused_with("expected at most 4,194,304")
def long_json(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    return pack(members | {CONFIG: members[CONFIG] + b" " * (5 << 20)})


@refused_with("unexpected member")
def escaping_member(honest: bytes, canary: Path) -> bytes:
    return pack(unpack(honest) | {f"../../{canary.name}": b"escaped"})


@refused_with("unexpected member")
def absolute_member(honest: bytes, canary: Path) -> bytes:
    return pack(unpack(honest) | {str(canary): b"escaped"})


@refused_with("unexpected member 'assets/vocabulary.txt'")
def asset_member(honest: bytes, canary: Path) -> bytes:
    return pack(unpack(honest) | {"assets/vocabulary.txt": b"word\n"})


@refused_with("link")
def linked_member(honest: bytes, canary: Path) -> bytes:
    link = zipfile.ZipInfo(METADATA)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    return pack(without(honest, METADATA), (link, str(canary).encode()))


@refused_with("expected the members")
def second_config(honest: bytes, canary: Path) -> bytes:
    """Store one config for a check of the first member, and another for a load of the last."""
    evil = unpack(lambda_layer(honest, canary))[CONFIG]
    return pack(unpack(honest) | {"config.jsom": evil}).replace(b"config.jsom", CONFIG.encode())


@refused_with("expected the members")
def missing_weights(honest: bytes, canary: Path) -> bytes:
    return pack(without(honest, WEIGHTS))


@refused_with("states 4,294,967,040 bytes")
def giant_stated_size(honest: bytes, canary: Path) -> bytes:
    content = bytearray(honest)
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (0xFFFFFF00).to_bytes(4, "little")
    return bytes(content)


@refused_with("compressed")
def decompression_bomb(honest: bytes, canary: Path) -> bytes:
    info = zipfile.ZipInfo(WEIGHTS)
    info.compress_type = zipfile.ZIP_DEFLATED
    return pack(without(honest, WEIGHTS), (info, bytes(256 << 20)))


@refused_with("a link, 'layers/more'")
@hdf5
def external_link(file: h5py.File, canary: Path) -> None:
    file["layers/more"] = h5py.ExternalLink(str(canary), "/")


@refused_with("a link, 'layers/more'")
@hdf5
def soft_link(file: h5py.File, canary: Path) -> None:
    file["layers/more"] = h5py.SoftLink("/layers")


@refused_with("from elsewhere")
@hdf5
def external_array(file: h5py.File, canary: Path) -> None:
    """Read the weights of a layer from any file, as in CVE-2026-1669."""
    place, shape = removed_array(file)
    source = [(str(canary), 0, 4 * int(np.prod(shape)))]
    file.create_dataset(place, shape, "<f4", external=source)


@refused_with("from elsewhere")
@hdf5
def virtual_array(file: h5py.File, canary: Path) -> None:
    place, shape = removed_array(file)
    layout = h5py.VirtualLayout(shape, "<f4")
    layout[...] = h5py.VirtualSource(str(canary), "data", shape)
    file.create_virtual_dataset(place, layout)


@refused_with("stores 0")
@hdf5
def unstored_array(file: h5py.File, canary: Path) -> None:
    """State a terabyte and store nothing, as in CVE-2026-0897."""
    place, _ = removed_array(file)
    file.create_dataset(place, (1 << 38,), "<f4")


@refused_with("stores 0")
@hdf5
def packed_array(file: h5py.File, canary: Path) -> None:
    place, _ = removed_array(file)
    file.create_dataset(place, (1 << 38,), "<f4", chunks=(1 << 20,), compression="gzip")


@refused_with("not a numeric array")
@hdf5
def words_as_weights(file: h5py.File, canary: Path) -> None:
    file["layers/words"] = ["a", "b"]


@refused_with("parameters")
@hdf5
def circle_of_groups(file: h5py.File, canary: Path) -> None:
    file["layers/again"] = file["layers"]
    removed_array(file)


@refused_with("Bad CRC-32")
def flipped_weight(honest: bytes, canary: Path) -> bytes:
    content = bytearray(honest)
    content[content.index(b"\x89HDF") + 3000] ^= 1
    return bytes(content)


@refused_with("not a zip file")
def truncated(honest: bytes, canary: Path) -> bytes:
    return honest[: len(honest) // 2]


@refused_with("b'<!DOCTYPE html>'")
def html_page(honest: bytes, canary: Path) -> bytes:
    return b"<!DOCTYPE html><html><body>Please log in</body></html>"


@refused_with("starts with b''")
def empty(honest: bytes, canary: Path) -> bytes:
    return b""
