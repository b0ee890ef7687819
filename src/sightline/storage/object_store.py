"""Objects in a bucket: S3, Google Cloud Storage, Azure, or a folder or memory for tests.

Credentials and endpoints come from the environment variables of each service, such as
AWS_ACCESS_KEY_ID, AWS_REGION and AWS_ENDPOINT_URL. The client is obstore (extra `storage`).
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sightline.errors import BusyStorageError, InputError, StorageError
from sightline.storage import locks, store_client, store_errors

SCHEMES = ("s3", "gs", "az", "file", "memory")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_ATTEMPTS = 3  # Of conditional writes, which obstore does not repeat after a broken connection
_SMALL = 16 << 20  # Bytes of an object that is read as a whole, such as a manifest
_PART = 16 << 20  # Bytes of a part of an upload
_PARTS = 9_000  # Most parts of an upload; S3 allows 10,000


@dataclass(frozen=True)
class StoredObject:
    """An object in a listing."""

    key: str  # Its key relative to the URL of the store
    bytes: int
    modified: datetime  # By the clock of the service
    etag: str | None  # Changes with the content


class ObjectStore:
    """The objects below one URL; keys are relative to it and look like POSIX paths.

    All methods raise StorageError if the bucket is missing or access is denied, and
    BusyStorageError if the service still did not answer after several attempts.
    """

    def __init__(self, url: str) -> None:
        """Connect to a URL that `check_url` accepts; nothing is read yet."""
        self.url = check_url(url)
        if find_spec("obstore") is None:
            raise StorageError(
                f'{self.url} needs an optional library; run pip install "sightline[storage]".'
            )
        with self._errors():
            self._store = store_client.connect(self.url)

    def read(self, key: str, limit: int = _SMALL) -> bytes | None:
        """Return an object's content; None if it does not exist.

        Raises StorageError if it has more than `limit` bytes.
        """
        found = self.read_tagged(key, limit)
        return None if found is None else found[0]

    def read_tagged(self, key: str, limit: int = _SMALL) -> tuple[bytes, str] | None:
        """Return an object's content and its tag for `replace`; None if it does not exist."""
        import obstore

        with self._errors():
            try:
                found = obstore.get(self._store, key)
                if found.meta["size"] > limit:
                    raise StorageError(
                        f"{self.url}/{key} has {found.meta['size']:,} bytes; expected at most "
                        f"{limit:,}. Another program wrote it: remove it or move it away."
                    )
                return bytes(found.bytes()), _tag(found.meta)
            except FileNotFoundError as error:
                store_errors.check_bucket(error)
                return None

    def stat(self, key: str) -> StoredObject | None:
        """Describe an object; None if it does not exist. A missing bucket is not noticed."""
        import obstore

        with self._errors():
            try:
                return _stored(obstore.head(self._store, key))
            except FileNotFoundError:
                return None

    def read_range(self, key: str, start: int, end: int, etag: str) -> bytes | None:
        """Return the bytes from one position to another; None if the ETag is no longer this one."""
        import obstore
        from obstore.exceptions import PreconditionError

        with self._errors():
            try:
                options: Any = {"range": (start, end), "if_match": etag}
                return bytes(obstore.get(self._store, key, options=options).bytes())
            except PreconditionError:
                return None
            except FileNotFoundError as error:
                store_errors.check_bucket(error)
                return None

    def download(self, key: str, path: Path) -> str | None:
        """Write an object to a file and return the SHA-256 of its content; None if missing.

        Memory use does not depend on its size.
        """
        import obstore

        digest = hashlib.sha256()
        with self._errors():
            try:
                found = obstore.get(self._store, key)
                with path.open("wb") as file:
                    for block in found.stream(min_chunk_size=1 << 20):
                        digest.update(block)
                        file.write(block)
            except FileNotFoundError as error:
                store_errors.check_bucket(error)
                return None
        return digest.hexdigest()

    def upload(self, key: str, path: Path) -> None:
        """Write a file to an object, which appears complete or not at all."""
        import obstore

        part = max(_PART, path.stat().st_size // _PARTS)
        with self._errors():
            obstore.put(self._store, key, path, chunk_size=part, max_concurrency=4)

    def write(self, key: str, content: bytes) -> None:
        """Write an object, whether or not it exists."""
        import obstore

        with self._errors():
            obstore.put(self._store, key, content)

    def create(self, key: str, content: bytes) -> bool:
        """Write an object unless it exists; return whether it now has this content."""
        return self._write_if(key, content, "create")

    def replace(self, key: str, content: bytes, tag: str) -> bool:
        """Write an object if nobody did since it was read with this tag.

        Return whether it now has this content.
        """
        scheme, _, path = self.url.partition("://")
        if scheme != "file":
            return self._write_if(key, content, json.loads(tag))
        with locks.alone(Path(f"{path}.lock"), f"replacing {key}"):  # a folder has no such write
            found = self.read_tagged(key)
            if found is None or found[1] != tag:
                return found is not None and found[0] == content
            self.write(key, content)
            return True

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """List the objects below a prefix that ends at a slash, in any order."""
        import obstore

        pages: list[Any] = []
        for left in reversed(range(_ATTEMPTS)):  # obstore does not repeat an answer that broke off
            try:
                with self._errors():
                    pages = [*obstore.list(self._store, prefix=prefix or None)]
                break
            except BusyStorageError:
                if not left:
                    raise
        for page in pages:
            yield from map(_stored, page)

    def delete(self, *keys: str) -> None:
        """Delete objects; those that do not exist are ignored."""
        import obstore

        for key in keys:
            with self._errors():
                try:
                    obstore.delete(self._store, key)
                except FileNotFoundError as error:
                    store_errors.check_bucket(error)

    def _write_if(self, key: str, content: bytes, mode: Any) -> bool:
        """Write under a condition.

        If an answer was lost, the object has the content although the next attempt is refused.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        for left in reversed(range(_ATTEMPTS)):
            try:
                with self._errors():
                    obstore.put(self._store, key, content, mode=mode)
                return True
            except (AlreadyExistsError, PreconditionError) as error:
                with self._errors():
                    store_errors.check_bucket(error)
                return self.read(key) == content
            except BusyStorageError:
                if not left:
                    raise
        raise AssertionError

    def _errors(self) -> AbstractContextManager[None]:
        return store_errors.converted(self.url)


@lru_cache(maxsize=16)
def open_store(url: str) -> ObjectStore:
    """Return the store of a URL; one for each URL in a process."""
    return ObjectStore(url)


def is_url(text: str) -> bool:
    """Return whether a text is a URL, not a path."""
    return "://" in text


def check_url(url: str) -> str:
    """Return the URL of a store without a slash at its end.

    Raises InputError if its scheme is not supported or it holds a password, a query or no bucket.
    Messages do not repeat what may be a secret.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES:
        raise InputError(
            "The URL cannot be used; expected s3://, gs:// or az:// with bucket and prefix, or the "
            "path of a folder."
        )
    if re.search(r"[@?#]|//|[^ -~]", rest) or ".." in rest.split("/"):
        raise InputError(
            f"The {scheme}:// URL holds more than a bucket and a prefix; give credentials and "
            "options as environment variables, such as AWS_ACCESS_KEY_ID."
        )
    if scheme not in {"file", "memory"} and not _BUCKET.fullmatch(rest.split("/")[0]):
        raise InputError(f"The {scheme}:// URL names no bucket; expected {scheme}://BUCKET/PREFIX.")
    return url.rstrip("/")


def _tag(meta: Any) -> str:
    """Return what tells the states of an object apart: an ETag, and a version on Google's."""
    return json.dumps({name: meta[name] for name in ("e_tag", "version") if meta.get(name)})


def _stored(meta: Any) -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])
