"""Objects in a bucket: S3, Google Cloud Storage, Azure, or a folder or memory for tests.

Credentials and endpoints come from the environment variables of each service, such as
AWS_ACCESS_KEY_ID, AWS_REGION and AWS_ENDPOINT_URL. The client is obstore (extra `storage`).
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from sightline.errors import BusyStorageError, StorageError
from sightline.storage import locks, store_client, store_errors
from sightline.storage.store_errors import BrokenOffError
from sightline.storage.store_url import check_url

_ATTEMPTS = 3  # At what obstore does not repeat
SMALL = 16 << 20  # Bytes of an object that is read as a whole, such as a manifest
PART = 8 << 20  # Bytes of a part of an upload
_TOGETHER = 4  # Parts of an upload that are in memory
_PARTS = 9_000  # Most parts of an upload; S3 allows 10,000

T = TypeVar("T")


@dataclass(frozen=True)
class StoredObject:
    """An object in a listing."""

    key: str  # Its key relative to the URL of the store
    bytes: int
    modified: datetime  # By the clock of the service
    etag: str | None  # Changes with the content

    @property
    def version(self) -> str:
        """Its ETag, or the second of its last change if the service lists none: see `read_range`.

        The latter has a blank, which no ETag has (RFC 9110, section 8.8.3).
        """
        return self.etag or f"{self.modified.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


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

    def read(self, key: str, limit: int = SMALL) -> bytes | None:
        """Return an object's content; None if it does not exist.

        Raises StorageError if it has more than `limit` bytes.
        """
        found = self.read_tagged(key, limit)
        return None if found is None else found[0]

    def read_tagged(self, key: str, limit: int = SMALL) -> tuple[bytes, str] | None:
        """Return an object's content and its tag for `replace`; None if it does not exist."""
        import obstore

        def get() -> tuple[bytes, str] | None:
            try:
                found = obstore.get(self._store, key)
                self.check_size(key, found.meta["size"], limit)
                return bytes(found.bytes()), _tag(found.meta)
            except FileNotFoundError as error:
                store_errors.check_bucket(error)
                return None

        return self._again(get, BrokenOffError)

    def check_size(self, key: str, size: int, limit: int = SMALL) -> None:
        """Raise StorageError if an object that is read as a whole is larger, in bytes."""
        if size > limit:
            raise StorageError(
                f"{self.url}/{key} has {size:,} bytes; expected at most {limit:,}. Another program "
                "wrote it: remove it or move it away."
            )

    def stat(self, key: str) -> StoredObject | None:
        """Describe an object; None if it does not exist. A missing bucket is not noticed."""
        import obstore

        with self._errors():
            try:
                return _stored(obstore.head(self._store, key))
            except FileNotFoundError:
                return None

    def read_range(self, key: str, start: int, end: int, version: str) -> bytes | None:
        """Return the bytes from one position to another; None if the version is another one now."""
        import obstore
        from obstore.exceptions import PreconditionError

        with self._errors():
            try:
                options: Any = {"range": (start, end)}
                if not (is_date := " " in version):
                    options["if_match"] = version
                found = obstore.get(self._store, key, options=options)
                if is_date and replace(_stored(found.meta), etag=None).version != version:
                    return None
                return bytes(found.bytes())
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

        part = max(PART, path.stat().st_size // _PARTS)
        with self._errors():
            obstore.put(self._store, key, path, chunk_size=part, max_concurrency=_TOGETHER)

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

        pages: list[Any] = self._again(
            lambda: [*obstore.list(self._store, prefix=prefix or None)], BrokenOffError
        )
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

        try:
            self._again(lambda: obstore.put(self._store, key, content, mode=mode), BusyStorageError)
            return True
        except (AlreadyExistsError, PreconditionError) as error:
            with self._errors():
                store_errors.check_bucket(error)
            return self.read(key) == content

    def _again(self, act: Callable[[], T], error: type[BusyStorageError]) -> T:
        """Return the result of a request, which is repeated after such an error."""
        for _ in range(_ATTEMPTS - 1):
            with suppress(error), self._errors():
                return act()
        with self._errors():
            return act()

    def _errors(self) -> AbstractContextManager[None]:
        return store_errors.converted(self.url)


@lru_cache(maxsize=16)
def open_store(url: str) -> ObjectStore:
    """Return the store of a URL; one for each URL in a process."""
    return ObjectStore(url)


def _tag(meta: Any) -> str:
    """Return what tells the states of an object apart: an ETag, and a version on Google's."""
    return json.dumps({name: meta[name] for name in ("e_tag", "version") if meta.get(name)})


def _stored(meta: Any) -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])
