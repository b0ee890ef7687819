"""List and read data sets of the Hugging Face Hub: hf://datasets/OWNER/NAME[@REVISION][/PATH].

The environment variable HF_ENDPOINT names another address than https://huggingface.co, HF_TOKEN a
token. A revision is resolved to its commit first, so that what is read never changes.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from sightline.data.remote import web
from sightline.data.remote.listing import Listing, RemoteFile, changed
from sightline.data.remote.remote_path import RemotePath, path_in
from sightline.errors import DataError
from sightline.storage.text import quoted

_PART = r"[A-Za-z0-9][\w.-]*"
_URL = re.compile(rf"hf://datasets/({_PART}/{_PART})(?:@([\w.-]+))?((?:/[^/@?#]+)*)/?", re.ASCII)
_MAX_PAGE = 32 << 20  # Bytes
_AT_ONCE = 500  # Paths in a request
_BESIDE = ("classes.txt", "classnames.txt", "labels.txt", "label.labels.txt", "dataset_info.json")


class _Repository:
    """A data set at one commit."""

    def __init__(self, url: str) -> None:
        match = _URL.fullmatch(url)
        if not match or not url.isprintable():
            raise DataError(
                "The hf:// URL cannot be used; expected hf://datasets/OWNER/NAME, @REVISION and a "
                "path below it if needed; the token is taken from HF_TOKEN."
            )
        name, revision, path = match.groups()
        self.path = path.strip("/")
        self.url = f"hf://datasets/{name}{f'@{revision}' if revision else ''}"
        self._base = web.check_address(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
        self._name = name
        _, found = self._ask("GET", self._api(f"revision/{revision or 'main'}"))
        self._commit = quote(str(found["sha"]), safe="")

    def single(self) -> list[RemoteFile]:
        """Return the file that the path names, and what may describe it; none if it is no file."""
        if not self.path:
            return []
        folder = self.path.rpartition("/")[0]
        files = self.find([self.path, *(f"{folder}/{name}".lstrip("/") for name in _BESIDE)])
        return files if any(file.name == self.path for file in files) else []

    def find(self, paths: Sequence[str]) -> "list[RemoteFile]":
        """Return those of the paths that are files."""
        found: dict[str, RemoteFile] = {}
        for first in range(0, len(paths), _AT_ONCE):
            asked = {"paths": paths[first : first + _AT_ONCE]}
            pages = self._pages("POST", f"paths-info/{self._commit}", asked)
            found |= {file.name: file for file in _files(pages)}
        return [*found.values()]

    def list(self) -> Iterator[RemoteFile]:
        """Yield the files below the path."""
        below = f"/{quote(self.path)}" if self.path else ""
        yield from _files(self._pages("GET", f"tree/{self._commit}{below}?recursive=true"))

    def read(self, file: RemoteFile, start: int, end: int) -> bytes:
        """Read from one position to another."""
        address = f"{self._base}/datasets/{self._name}/resolve/{self._commit}/{quote(file.name)}"
        shown = f"{self.url}/{file.name}"
        return web.read_range(address, shown, start, end, None, _token())

    def _api(self, path: str) -> str:
        return f"{self._base}/api/datasets/{self._name}/{path}"

    def _pages(self, method: str, path: str, body: object = None) -> Iterator[Any]:
        url = self._api(path)
        while url:
            answer, page = self._ask(method, url, body)
            yield page
            url = answer.following
            if url and not url.startswith(f"{self._base}/"):  # would send the token elsewhere
                raise DataError(f"{self.url}: its listing continues on another host; download it.")

    def _ask(self, method: str, url: str, body: object = None) -> tuple[web.Answer, Any]:
        answer = web.request(method, url, self.url, _MAX_PAGE, _token(), body)
        try:
            return answer, json.loads(answer.content)
        except (ValueError, RecursionError):
            raise DataError(f"{self.url}: the answer is no listing; check HF_ENDPOINT.") from None


def open_hub(url: str) -> RemotePath:
    """Return the path of a data set of the hub, or of a file or folder in it."""
    try:
        repository = _Repository(url)
        files = repository.single() or repository.list()
        return path_in(Listing(repository.url, files, repository.read), repository.path)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise DataError("The hub's answer is no listing; check HF_ENDPOINT.") from None


def open_listed(url: str, files: Sequence[RemoteFile]) -> RemotePath:
    """Return the path of a data set with files that were listed before.

    Raises ChangedDataError if one has another version now.
    """
    repository = _Repository(url)
    missing = {*files} - {*repository.find([file.name for file in files])}
    if missing:
        raise changed(f"{url}/{quoted(min(missing).name)}")
    return path_in(Listing(url, files, repository.read))


def _files(pages: Iterator[Any]) -> Iterator[RemoteFile]:
    for page in pages:
        for entry in page:
            if entry["type"] == "file":
                digest = (entry.get("lfs") or entry)["oid"]
                yield RemoteFile(str(entry["path"]), int(entry["size"]), str(digest))


def _token() -> dict[str, str]:
    token = os.environ.get("HF_TOKEN", "").strip()
    return {"Authorization": f"Bearer {token}"} if token else {}
