"""Download a file from the first mirror that delivers it."""

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
from sightline.pipeline.progress import Counter
from sightline.storage import files

_MAX_REDIRECTS = 5
_SPARE_BYTES = 64 << 10  # gzip can enlarge incompressible content a little


@dataclass(frozen=True)
class RetryPolicy:
    """Timeouts in seconds, attempts per mirror, and the first delay between them, which doubles."""

    connect_timeout: float = 10
    read_timeout: float = 20
    total_timeout: float = 900
    attempts: int = 4
    first_delay: float = 0.4


class _MirrorError(Exception):
    """The mirror would fail again."""


class _TransientError(_MirrorError):
    """The next attempt may succeed."""


def download(file: RawFile, mirrors: Sequence[str], target: Path, policy: RetryPolicy) -> str:
    """Download `<mirror>/<name>.gz` to `target` once its digest is verified; return the mirror."""
    reasons = []
    kind: type[DownloadError] = DownloadError
    retry = Retrying(
        stop=stop_after_attempt(policy.attempts),
        wait=wait_exponential(multiplier=policy.first_delay),
        retry=retry_if_exception_type(_TransientError),
        reraise=True,
    )
    for mirror in mirrors:
        url = join(mirror, f"{file.name}.gz")
        try:
            with files.new_file(target) as temporary:
                retry(_request, url, file, temporary, policy)
        except _MirrorError as error:
            if isinstance(error, _TransientError):
                kind = NetworkError
            reasons.append(f"{redact(url)}: {str(error).rstrip('.')}")
        else:
            return mirror
    raise kind(
        f"{file.name} could not be downloaded. Tried {'; '.join(reasons)}. Check the network, or "
        "put the files into a folder and pass it as --data-dir DIR."
    )


def join(base: str, part: str) -> str:
    """Append a path segment to a URL, before its query string."""
    try:
        split = urlsplit(base)
    except ValueError:  # its message repeats part of the address
        raise DownloadError("The mirror is not an http:// or https:// address; fix it.") from None
    return urlunsplit(split._replace(path=f"{split.path.rstrip('/')}/{quote(part)}"))


def redact(url: str) -> str:
    """Return a URL without user, password, query string and fragment."""
    split = urlsplit(url)
    if "@" in f"{split.path}{split.query}{split.fragment}":
        return f"{split.scheme}://..."  # a password with an unescaped / or ? ends up there
    return urlunsplit((split.scheme, split.netloc.rpartition("@")[2], split.path, "", ""))


def _request(url: str, file: RawFile, target: Path, policy: RetryPolicy) -> None:
    client = httpx.Client(
        timeout=httpx.Timeout(policy.read_timeout, connect=policy.connect_timeout),
        follow_redirects=True,
        max_redirects=_MAX_REDIRECTS,
        headers={"Accept-Encoding": "identity"},
    )
    requesting = client.stream("GET", url)
    try:
        with _unlogged_requests(), client, requesting as response, target.open("wb") as out:
            if response.status_code != httpx.codes.OK:
                kind = _TransientError if response.is_server_error else _MirrorError
                raise kind(f"status {response.status_code} {response.reason_phrase}".rstrip())
            _copy(response, out, file, policy)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):  # the last: of host names
        raise _MirrorError("this is not an http:// or https:// address") from None
    except httpx.TimeoutException:
        raise _TransientError("no answer in time") from None
    except httpx.TransportError as error:
        raise _TransientError(str(error) or type(error).__name__) from None
    except httpx.HTTPError as error:
        raise _MirrorError(str(error)) from None
    _verify(target, file)


@contextlib.contextmanager
def _unlogged_requests() -> Iterator[None]:
    """Keep httpx from logging URLs, which may contain a password."""
    logger = logging.getLogger("httpx")
    disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = disabled


def _copy(response: httpx.Response, out: BinaryIO, file: RawFile, policy: RetryPolicy) -> None:
    """Write the raw body; the stated length is used for the progress bar only."""
    limit = file.bytes + _SPARE_BYTES
    stated = int(response.headers.get("content-length", 0) or 0)
    counter = Counter("bytes", stated if 0 < stated <= limit else None)
    received = 0
    deadline = time.monotonic() + policy.total_timeout
    for chunk in response.iter_raw():
        if not received and content.is_html(chunk):
            raise _MirrorError("an HTML page instead of the file")
        received += len(chunk)
        if received > limit:
            raise _MirrorError(f"more than the expected {limit:,} bytes")
        if time.monotonic() > deadline:
            raise _TransientError(f"not complete after {policy.total_timeout:g} s")
        out.write(chunk)
        counter.advance(len(chunk))


def _verify(path: Path, file: RawFile) -> None:
    try:
        digest, size = content.digest(path, limit=file.bytes)
    except DataError as error:
        reason = str(error).replace(str(path), "the response")
        raise _MirrorError(reason.partition("; get a fresh copy")[0]) from None
    if digest != file.sha256:
        raise _MirrorError(
            f"{size:,} bytes with SHA-256 {digest[:12]}…, expected {file.bytes:,} with "
            f"{file.sha256[:12]}…"
        )
