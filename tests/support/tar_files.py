"""Write tar files of samples, as WebDataset names them."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from bad_files import png

Members = Mapping[str, bytes] | Iterable[tuple[str | tarfile.TarInfo, bytes]]


def grey(value: int) -> bytes:
    """Return an 8x8 PNG of one gray level."""
    return png(np.full((8, 8), value, np.uint8))


def tar_bytes(members: Members, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar file; the size of a given `TarInfo` is set."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def write_tar(path: Path, members: Members) -> Path:
    """Write a tar file, compressed if its name ends in gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = tar_bytes(members)
    path.write_bytes(gzip.compress(content, mtime=0) if path.name.endswith("gz") else content)
    return path


def samples(labels: Iterable[object], kind: str = "cls", first: int = 0) -> dict[str, bytes]:
    """Return members of one image each, gray levels from `first`, and its label."""
    members = {}
    for number, label in enumerate(labels):
        members[f"{number:04}.png"] = grey(first + number)
        if label is not None:
            members[f"{number:04}.{kind}"] = str(label).encode()
    return members
