"""Downloads one file from the first mirror that delivers its pinned content."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from sightline.data.catalog import RawFile
from sightline.data.readers import content
from sightline.errors import DataError, DownloadError, NetworkError
from sightline.pipeline.counting import Counter
from sightline.storage import files

_MAX_REDIRECTS = 5
_SERVER_ERROR = 500
_SPARE_BYTES = 64 << 10  # gzip can make incompressible content a little longer


@dataclass(frozen=True)
class Patience:
    """How long to wait for a mirror, in seconds, and how often to try it."""

    connect: float = 10
    read: float = 20
    total: float = 900
    tries: int = 4
    first_delay: float = 0.4


class _PassingFaultError(Exception):
    """A fault that may be gone at the next try."""


class _MirrorError(Exception):
    """A fault that this mirror will show again."""


def download(file: RawFile, mirrors: Sequence[str], target: Path, patience: Patience) -> str:
    """Download a file; it appears under its final name only once its digest is right.

    Args:
        file: What is expected.
        mirrors: Base addresses; the file is asked for as `<base>/<name>.gz`.
        target: The final name.
        patience: Time-outs, tries and the delay between them, which doubles.

    Returns:
        The mirror that delivered.

    Raises:
        DownloadError: None did; the message names each with its reason.
        NetworkError: None did, and one of them might at another try.
    """
    reasons = []
    kind: type[DownloadError] = DownloadError
    for mirror in mirrors:
        address = file_address(mirror, f"{file.name}.gz")
        try:
            with files.new_file(target) as temporary:
                _try_often(address, file, temporary, patience)
        except (_PassingFaultError, _MirrorError) as error:
            if isinstance(error, _PassingFaultError):
                kind = NetworkError
            reasons.append(f"{shown(address)}: {str(error).rstrip('.')}")
        else:
            return mirror
    raise kind(
        f"{file.name} could not be downloaded. Tried {'; '.join(reasons)}. Check the network, or "
        "put the files into a folder and name it with --data-dir DIR."
    )


def file_address(base: str, *parts: str) -> str:
    """Append path segments to a base address, in front of its query string."""
    try:
        split = urlsplit(base)
    except ValueError:  # whose message repeats a part of the address
        raise DownloadError("The mirror is not an http:// or https:// address; mend it.") from None
    path = "/".join([split.path.rstrip("/"), *(quote(part) for part in parts)])
    return urlunsplit(split._replace(path=path))


def shown(address: str) -> str:
    """Return an address for people: without user, password, query string and fragment."""
    split = urlsplit(address)
    if "@" in f"{split.path}{split.query}{split.fragment}":
        return f"{split.scheme}://..."  # a password with an unescaped / or ? ends up there
    return urlunsplit((split.scheme, split.netloc.rpartition("@")[2], split.path, "", ""))


def _try_often(address: str, file: RawFile, target: Path, patience: Patience) -> None:
    retrying = Retrying(
        stop=stop_after_attempt(patience.tries),
        wait=wait_exponential(multiplier=patience.first_delay),
        retry=retry_if_exception_type(_PassingFaultError),
        reraise=True,
    )
    for attempt in retrying:
        with attempt:
            _fetch(address, file, target, patience)
            _verify(target, file)


def _fetch(address: str, file: RawFile, target: Path, patience: Patience) -> None:
    try:
        with (
            _secret_addresses(),
            _client(patience) as client,
            client.stream("GET", address) as response,
            target.open("wb") as out,
        ):
            _check_answer(response)
            _copy(response, out, file, patience)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):  # the last: of host names
        raise _MirrorError("this is not an http:// or https:// address") from None
    except httpx.TimeoutException:
        raise _PassingFaultError("it did not answer in time") from None
    except httpx.TransportError as error:
        raise _PassingFaultError(str(error) or type(error).__name__) from None
    except httpx.HTTPError as error:
        raise _MirrorError(str(error)) from None


def _client(patience: Patience) -> httpx.Client:
    return httpx.Client(
        timeout=httpx.Timeout(patience.read, connect=patience.connect),
        follow_redirects=True,
        max_redirects=_MAX_REDIRECTS,
        headers={"Accept-Encoding": "identity"},
    )


@contextlib.contextmanager
def _secret_addresses() -> Iterator[None]:
    """Keep httpx from logging the addresses of requests, which may carry a password."""
    logger = logging.getLogger("httpx")
    logger.addFilter(_drop)
    try:
        yield
    finally:
        logger.removeFilter(_drop)


def _drop(record: logging.LogRecord) -> bool:
    return False


def _check_answer(response: httpx.Response) -> None:
    reason = f"it answered {response.status_code} {response.reason_phrase}".rstrip()
    if response.status_code >= _SERVER_ERROR:
        raise _PassingFaultError(reason)
    if response.status_code != httpx.codes.OK:
        raise _MirrorError(reason)


def _copy(response: httpx.Response, out: BinaryIO, file: RawFile, patience: Patience) -> None:
    """Write the body as it was sent; its stated length serves the progress bar alone."""
    limit = file.bytes + _SPARE_BYTES
    stated = int(response.headers.get("content-length", 0) or 0)
    counter = Counter("bytes", stated if 0 < stated <= limit else None)
    received = 0
    deadline = time.monotonic() + patience.total
    for chunk in response.iter_raw():
        if not received and content.is_html(chunk):
            raise _MirrorError("it sent an HTML page instead of the file")
        received += len(chunk)
        if received > limit:
            raise _MirrorError(f"it sent more than the {limit:,} bytes that were expected at most")
        if time.monotonic() > deadline:
            raise _PassingFaultError(f"it took longer than {patience.total:g} s")
        out.write(chunk)
        counter.advance(len(chunk))


def _verify(path: Path, file: RawFile) -> None:
    try:
        digest, size = content.digest(path, limit=file.bytes)
    except DataError as error:
        told = str(error).replace(str(path), "what it sent")
        raise _MirrorError(told.partition("; get a fresh copy")[0]) from None
    if digest != file.sha256:
        raise _MirrorError(
            f"it sent {size:,} bytes with SHA-256 {digest[:12]}…, expected {file.bytes:,} with "
            f"{file.sha256[:12]}…"
        )
