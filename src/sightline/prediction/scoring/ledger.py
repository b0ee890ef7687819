"""Which images a model has scored, by name and version, and by content."""

import hashlib
from itertools import chain

from sightline.prediction.scoring import parts
from sightline.prediction.scoring.place import Scores


class Ledger:
    """What is known of one model; it takes about 250 bytes of memory an image."""

    def __init__(self, scores: Scores, model_sha256: str) -> None:
        """Read the names and digests of all scores of a model."""
        self._names: set[bytes] = set()
        self._contents: set[bytes] = set()
        paths = chain(scores.parts(), sorted(scores.folder.glob("_copies/*.parquet")))
        for batch in parts.read(paths, model_sha256, parts.COPIES.names):
            columns = (batch[name].to_pylist() for name in parts.COPIES.names)
            for file, version, sha256 in zip(*columns, strict=True):
                self.add(file, version, sha256)

    def has(self, file: str, version: str) -> bool:
        """Return whether a file was seen in this version."""
        return _key(file, version) in self._names

    def add(self, file: str, version: str, sha256: str) -> bool:
        """Add an image; return whether its content is new."""
        self._names.add(_key(file, version))
        content = bytes.fromhex(sha256)
        is_new = content not in self._contents
        self._contents.add(content)
        return is_new


def _key(file: str, version: str) -> bytes:
    text = f"{file}\0{version}".encode(errors="surrogateescape")
    return hashlib.blake2b(text, digest_size=16).digest()
