"""Sealed JSON files of records: written whole, read with distrust."""

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sightline.errors import InputError
from sightline.records import Record
from sightline.storage import files, json_digest

R = TypeVar("R", bound=Record)

_LARGEST = 4 << 20
"""Bytes. A version of 1,000 classes with exports takes about 100 kB."""


def write(path: Path, record: Record) -> str:
    """Write a record as sealed JSON.

    Args:
        path: Where; its folder is made where it is missing.
        record: What.

    Returns:
        The SHA-256 of the file.
    """
    text = json_digest.dumps(record.model_dump(mode="json"))
    with files.new_file(path) as temporary:
        temporary.write_bytes(text)
    return hashlib.sha256(text).hexdigest()


def read(path: Path, kind: type[R]) -> tuple[R, str]:
    """Read a sealed record; a link is not followed.

    Args:
        path: A file that `write` wrote.
        kind: The record's class.

    Returns:
        The record, and the SHA-256 of the file.

    Raises:
        InputError: It is missing, damaged, too large, no plain file or of another kind.
    """
    try:
        text = content(path)
        record = kind.model_validate_json(json_digest.verify(text))
    except OSError as error:
        raise _refusal(path, str(error.strerror)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _refusal(path, f"{where}: {first['msg']}") from None
    except ValueError as error:
        raise _refusal(path, str(error)) from None
    return record, hashlib.sha256(text).hexdigest()


def content(path: Path, largest: int = _LARGEST) -> bytes:
    """Read a plain file; a link is not followed and a pipe not waited for.

    Args:
        path: The file.
        largest: How many bytes it may have.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no plain file, or too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise ValueError("it is a symbolic link, which is not followed") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no plain file")
        text = file.read(largest + 1)
    if len(text) > largest:
        raise ValueError(f"it has more than {largest:,} bytes, which is too much for such a file")
    return text


def _refusal(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read as a file of the model store: {why}. Restore it from a copy; "
        "`sightline models verify` says what else is damaged."
    )
