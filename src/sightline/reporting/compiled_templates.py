"""Keeps compiled templates as Python keeps compiled modules: in `__pycache__`, beside the sources.

To compile the templates of a report takes a tenth of a second, half as long as to publish the run.
"""

import marshal
import sys
from contextlib import suppress
from pathlib import Path
from types import CodeType

from jinja2.bccache import Bucket, BytecodeCache

from sightline.storage import files


class CompiledTemplates(BytecodeCache):
    """A cache of Jinja in a folder; where that cannot be written, nothing is kept.

    Jinja's own cache is a pickle, and keeps a template whose options have changed.
    """

    def __init__(self, folder: Path, version: str) -> None:
        """Keep templates in `folder` as long as `version`, a digest, is the same."""
        self._folder = folder
        self._version = version

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load the code of a template, if it is there and of this version."""
        with suppress(OSError, ValueError, EOFError, TypeError):
            version, _, code = self._path(bucket).read_bytes().partition(b"\n")
            if version == self._head(bucket):
                found = marshal.loads(code)  # noqa: S302 - as trusted as the modules beside it
                bucket.code = found if isinstance(found, CodeType) else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError), files.new_file(self._path(bucket)) as file:
            file.write_bytes(self._head(bucket) + b"\n" + marshal.dumps(bucket.code))

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}"

    def _head(self, bucket: Bucket) -> bytes:
        return f"{self._version} {bucket.checksum}".encode()
