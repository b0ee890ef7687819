"""Provide the raw files of a named data set: a local copy, or verified downloads."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from sightline.data import catalog
from sightline.data.catalog import NamedDataset, RawFile
from sightline.data.readers import content
from sightline.errors import DataError, DownloadError, NetworkError
from sightline.pipeline.progress import Counter
from sightline.records import Run
from sightline.storage import files, locks

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


_DEFAULT_POLICY = RetryPolicy()


class _MirrorError(Exception):
    """The mirror would fail again."""


class _TransientError(_MirrorError):
    """The next attempt may succeed."""


def fetch(run: Run, name: str, policy: RetryPolicy = _DEFAULT_POLICY) -> list[Path]:
    """Find or download the files of a named data set and verify their content.

    `run.data_dir` takes precedence (DIR/<name>, then DIR): if it has any of the files, it must
    have all, and the network is not used. Otherwise missing or damaged files in
    `datasets/<name>/` of the workspace are downloaded, with `run.mirror` set only from
    `<mirror>/<name>/<file>.gz`. Returns the files in the order of the catalog, plain or gzip.

    Raises:
        DataError: The data set is unknown, or a file in `run.data_dir` is missing or wrong.
        DownloadError: No mirror delivered a file.
        NetworkError: The same, but another attempt may succeed.
    """
    dataset = catalog.get(name)
    if dataset.package is not None:
        return [_embedded(dataset, dataset.package)]
    local = _local_copy(run.data_dir, dataset) if run.data_dir else []
    for path, file in zip(local, dataset.files, strict=False):
        _check(path, file, dataset)
    if local:
        return local
    lock = run.workspace.root / "datasets" / f".{name}.lock"
    with files.storage_errors(run.workspace.root), locks.alone(lock, f"fetching {name}"):
        return _download_missing(run, dataset, policy)


def _embedded(dataset: NamedDataset, package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            f"The data set {dataset.name} is part of the package {package}, which is not "
            "installed; run `make install`."
        )
    path = Path(spec.origin).parent / "data" / "data" / f"{dataset.files[0].name}.gz"
    _check(path, dataset.files[0], dataset)
    return path


def _local_copy(data_dir: Path, dataset: NamedDataset) -> list[Path]:
    if not data_dir.is_dir():
        raise DataError(f"The data folder {data_dir} does not exist; check --data-dir.")
    for folder in (data_dir / dataset.name, data_dir):
        found = {file.name: _existing(folder, file) for file in dataset.files}
        paths = [path for path in found.values() if path is not None]
        if len(paths) == len(found):
            return paths
        if paths:
            missing = next(name for name, path in found.items() if path is None)
            raise DataError(
                f"{folder} lacks {missing} (or {missing}.gz) of {dataset.name}; add it."
            )
    return []


def _existing(folder: Path, file: RawFile) -> Path | None:
    candidates = (folder / file.name, folder / f"{file.name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _download_missing(run: Run, dataset: NamedDataset, policy: RetryPolicy) -> list[Path]:
    folder = run.workspace.root / "datasets" / dataset.name
    if folder.is_dir():  # what killed downloads left; the lock is held
        for leftover in files.leftovers(folder):
            files.remove(leftover)
    mirrors = [_join(run.mirror, dataset.name)] if run.mirror else list(dataset.mirrors)
    paths = []
    for file in dataset.files:
        path = _existing(folder, file)
        try:
            intact = path and content.digest(path, limit=file.bytes)[0] == file.sha256
        except DataError:
            intact = False
        if path is None or not intact:
            path = folder / f"{file.name}.gz"
            (folder / file.name).unlink(missing_ok=True)
            used = _download(file, mirrors, path, policy)
            mirrors.sort(key=lambda mirror: mirror != used)
        paths.append(path)
    return paths


def _check(path: Path, file: RawFile, dataset: NamedDataset) -> None:
    digest, size = content.digest(path, limit=file.bytes)
    if digest != file.sha256:
        raise DataError(
            f"{path} is not the {file.name} of {dataset.name}: expected {file.bytes:,} bytes with "
            f"SHA-256 {file.sha256} (decompressed), found {size:,} bytes with {digest}; replace it."
        )


def _download(file: RawFile, mirrors: Sequence[str], target: Path, policy: RetryPolicy) -> str:
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
        url = _join(mirror, f"{file.name}.gz")
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


def _join(base: str, part: str) -> str:
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
