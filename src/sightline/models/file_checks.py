"""What a model file may contain, checked before Keras reads it.

Keras' safe mode rejects lambdas, but its loader has had one vulnerability after another: it looks
up classes by name, unpacks members, and lets HDF5 read other files. Only what Sightline writes is
accepted: its stored members, the layers of its architectures, plain arrays.
"""

import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
from pydantic import ValidationError

from sightline.data.labelling import class_names
from sightline.errors import DataError
from sightline.models.allowed_classes import CLASSES
from sightline.models.refusals import Refusal, refusals
from sightline.records import ModelMetadata
from sightline.records.model_metadata import FILE
from sightline.storage import json_digest

LARGEST_PARAMETERS = LARGEST_OUTPUT = 1 << 28
"""268 million; the tutorial's model has 141,258. A file with more could exhaust the memory."""

_LARGEST_TEXT = 4 << 20  # Bytes of JSON; 64 convolutions, the maximum of a config, take 100 kB
# Bytes: float32 weights, the JSON, and the overhead of HDF5 and ZIP
LARGEST_FILE = 4 * LARGEST_PARAMETERS + _LARGEST_TEXT + (16 << 20)
_WEIGHTS = "model.weights.h5"
_MEMBERS = ("config.json", "metadata.json", _WEIGHTS)


class ModelParts(NamedTuple):
    """The content of a checked `.keras` file."""

    config: str  # Keras' JSON of the model
    weights: bytes  # The bytes of an HDF5 file with plain arrays
    parameters: int  # Number of values in these arrays
    metadata: ModelMetadata | None  # None in a file without it


def read_config(path: Path, expected_sha256: str | None = None) -> str:
    """Read and check the JSON of `keras.Model.to_json`. Raises ModelFileError as `read_archive`."""
    with refusals(path):
        return _checked_config(read_file(path, _LARGEST_TEXT, expected_sha256))


def read_archive(path: Path, expected_sha256: str | None = None) -> ModelParts:
    """Read and check a `.keras` file; it is read once, so what is checked is what is loaded.

    Raises ModelFileError if it has another format, is damaged, differs from the expected digest, or
    contains anything that Sightline does not write.
    """
    with refusals(path):
        content = read_file(path, LARGEST_FILE, expected_sha256)
        if content.startswith(b"\x89HDF"):
            raise Refusal("it has Keras' legacy HDF5 format, which can contain code")
        if not content.startswith(b"PK\x03\x04"):
            raise Refusal(f"expected a ZIP archive, got a file that starts with {content[:15]!r}")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(archive.infolist())
            config = _checked_config(archive.read("config.json"))
            weights = archive.read(_WEIGHTS)
            metadata = archive.read(FILE) if FILE in archive.namelist() else None
        found = None if metadata is None else _checked_metadata(metadata)
        return ModelParts(config, weights, count_parameters(weights), found)


def read_file(path: Path, most: int, expected_sha256: str | None) -> bytes:
    """Read a file of at most `most` bytes; raise Refusal if it is not what was expected."""
    if not path.exists():
        raise Refusal("it does not exist")
    if path.is_dir():
        raise Refusal("it is a folder, such as a SavedModel; expected a file")
    if not path.is_file():
        raise Refusal("it is not a regular file")
    if (size := path.stat().st_size) > most:
        raise Refusal(f"it has {size:,} bytes, expected at most {most:,}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if expected_sha256 not in {None, found}:
        raise Refusal(f"it has SHA-256 {found}, expected {expected_sha256}")
    return content


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    for name in names:
        if name not in (*_MEMBERS, FILE):
            raise Refusal(f"it has an unexpected member {name[:80]!r}")
    if sorted(names) not in (sorted(_MEMBERS), sorted((*_MEMBERS, FILE))):
        raise Refusal(f"expected the members {', '.join(_MEMBERS)}, got {', '.join(names)}")
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            raise Refusal(f"the member {member.filename} is a link or a device")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise Refusal(f"the member {member.filename} is compressed or encrypted")
        if member.file_size != member.compress_size:
            raise Refusal(
                f"the member {member.filename} states {member.file_size:,} bytes and stores "
                f"{member.compress_size:,}"
            )


def _checked_config(content: bytes) -> str:
    if len(content) > _LARGEST_TEXT:
        raise Refusal(f"its JSON has {len(content):,} bytes, expected at most {_LARGEST_TEXT:,}")
    text = content.decode("utf-8")
    config = json.loads(text)
    if not isinstance(config, dict) or config.get("class_name") not in {"Functional", "Sequential"}:
        raise Refusal("its JSON does not describe a model made of layers")
    check_objects(config)
    return text


def _checked_metadata(content: bytes) -> ModelMetadata:
    if len(content) > _LARGEST_TEXT:
        raise Refusal(f"its {FILE} has {len(content):,} bytes, expected at most {_LARGEST_TEXT:,}")
    try:
        metadata = ModelMetadata.model_validate_json(content)
        class_names.check(metadata.class_names, FILE)
    except ValidationError as error:
        raise Refusal(f"its {FILE} is damaged: {json_digest.reason(error)}") from None
    except DataError as error:
        raise Refusal(str(error)) from None
    if len(set(metadata.class_names)) < len(metadata.class_names):
        raise Refusal(f"its {FILE} has two classes of one name")
    return metadata


def check_objects(config: Any) -> None:
    """Check every object in parsed JSON. Raises Refusal if Sightline does not use its class."""
    for part in _objects(config):
        _check_object(part)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in parsed JSON at any depth, outer ones first."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _check_object(part: dict[str, Any]) -> None:
    name = part.get("class_name")
    if "class_name" in part and (str(part.get("module")), str(name)) not in CLASSES:
        shown = f"{part.get('module')}.{name}"
        raise Refusal(f"it contains the class {shown[:80]!r}, which Sightline does not use")
    if part.get("registered_name") not in (None, name):
        raise Refusal(f"it contains a custom object, {str(part['registered_name'])[:80]!r}")
    if part.get("compile_config"):
        raise Refusal("it contains training state")


def count_parameters(weights: bytes) -> int:
    """Check an HDF5 file and count the numbers in it. Raises Refusal if it has more than those."""
    links: dict[str, Any] = {}
    found: dict[str, Any] = {}
    with h5py.File(io.BytesIO(weights), "r") as file:
        file.visititems_links(links.__setitem__)
        for name, link in links.items():
            if not isinstance(link, h5py.HardLink):
                raise Refusal(f"its weights contain a link, {name[:80]!r}")
        file.visititems(found.__setitem__)
        return sum(_size(name, item) for name, item in found.items())


def _size(name: str, item: Any) -> int:
    if isinstance(item, h5py.Group):
        return 0
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub":
        raise Refusal(f"its weights contain {name[:80]!r}, which is not a numeric array")
    stored = item.id.get_storage_size()
    is_plain = not item.is_virtual and not item.external and item.chunks is None
    if not is_plain or stored != item.nbytes:
        raise Refusal(
            f"its weights' array {name[:80]!r} states {item.nbytes:,} bytes and stores {stored:,}, "
            "or reads them from elsewhere"
        )
    return int(item.size)
