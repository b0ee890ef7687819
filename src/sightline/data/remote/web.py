"""Read a single file behind an https:// address, in ranges."""

import contextlib
import logging
import posixpath
import re
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from sightline.data.remote.listing import Listing, RemoteFile, changed
from sightline.data.remote.remote_path import RemotePath, path_in
from sightline.errors import BusyStorageError, DataError
from sightline.storage.addresses import is_loopback

_ATTEMPTS = 5
_TIMEOUT = httpx.Timeout(30, connect=10)
_DENIED = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
_NO_RANGE = httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
Headers = dict[str, str] | None


def open_address(url: str) -> RemotePath:
    """Return the path of the file behind an address.

    Raises DataError if it holds a password or a query, is not served in ranges, or the answer says
    neither its size nor a version (ETag or date).
    """
    address = check_address(url)
    answer = request("HEAD", address, address, 0)
    size, version = answer.headers.get("content-length", ""), _version(answer)
    if not (size.isdecimal() and version):
        raise DataError(
            f"{address} states no size, or neither an ETag nor a date; download it and give the "
            "path."
        )
    parent, name = posixpath.split(address)
    file = RemoteFile(unquote(name), int(size), version)

    def read(wanted: RemoteFile, start: int, end: int) -> bytes:
        return read_range(address, address, start, end, wanted.version)

    return path_in(Listing(parent, [file], read), file.name)


def check_address(url: str) -> str:
    """Return an https:// address; http:// only on this machine.

    Raises DataError, which does not repeat it, for any other, a password or a query.
    """
    with contextlib.suppress(ValueError):
        split = urlsplit(url)
        local = split.scheme == "http" and is_loopback(split.hostname or "")
        if split.hostname and (split.scheme == "https" or local):
            if not re.search(r"[@?#\s]|[^!-~]", url):
                return url.rstrip("/")
            raise DataError(
                "The address holds a password, a query or a blank; give one that needs none, or "
                "download the data and give the path."
            )
    raise DataError("The address is no https:// address of a host; fix it.")


class Answer(NamedTuple):
    """The answer of a server."""

    status: int
    headers: httpx.Headers
    content: bytes
    following: str  # Address of the next page of a listing, or ""


def request(
    method: str, url: str, shown: str, limit: int, headers: Headers = None, body: object = None
) -> Answer:
    """Send a request, up to five times, and read at most `limit` bytes of the answer.

    Raises DataError if the address does not exist, needs a token or has a larger answer;
    BusyStorageError if the server does not answer or has an error. They name it as `shown`.
    """
    retry = Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential(multiplier=0.2),
        retry=retry_if_exception_type(BusyStorageError),
        reraise=True,
    )
    return retry(_request, method, url, shown, limit, headers, body)


def read_range(
    url: str, shown: str, start: int, end: int, version: str | None, headers: Headers = None
) -> bytes:
    """Read from one position to another; with `version`, raise DataError if it is another one."""
    wanted = {**(headers or {}), "Range": f"bytes={start}-{end - 1}"}
    answer = request("GET", url, shown, end - start, wanted)
    if answer.status == _NO_RANGE or (version and _version(answer) != version):
        raise changed(shown)
    return answer.content


def _request(
    method: str, url: str, shown: str, limit: int, headers: Headers, body: object
) -> Answer:
    try:
        with _client().stream(method, url, headers=headers, json=body) as answer:
            _check_status(answer, shown, ranged="Range" in (headers or {}))
            content = bytearray()
            for chunk in answer.iter_raw():
                content += chunk
                if len(content) > limit:
                    raise DataError(f"{shown} sends more than {limit:,} bytes; download it.")
            following = answer.links.get("next", {}).get("url", "")
            return Answer(answer.status_code, answer.headers, bytes(content), following)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects, UnicodeError):
        raise DataError(f"{shown} leads to no https:// address that can be read.") from None
    except httpx.TimeoutException:
        raise _busy(shown, "no answer in time") from None
    except httpx.HTTPError:
        raise _busy(shown, "the connection broke") from None


def _check_status(answer: httpx.Response, shown: str, *, ranged: bool) -> None:
    status = answer.status_code
    if answer.is_server_error or status == httpx.codes.TOO_MANY_REQUESTS:
        raise _busy(shown, f"status {status}")
    if status in _DENIED:
        raise DataError(
            f"{shown} needs other credentials (status {status}); for hf:// set HF_TOKEN to a valid "
            "token, else download the data and give the path."
        )
    if answer.is_success and ranged and status != httpx.codes.PARTIAL_CONTENT:
        raise DataError(f"{shown} is not served in ranges; download it and give the path.")
    if not answer.is_success and status != _NO_RANGE:
        raise DataError(f"{shown} cannot be read (status {status}); check the address.")


@cache
def _client() -> httpx.Client:
    logging.getLogger("httpx").setLevel("WARNING")  # redirects may lead to signed addresses
    return httpx.Client(
        timeout=_TIMEOUT,
        follow_redirects=True,
        max_redirects=5,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"request": [_check_redirect]},
    )


def _check_redirect(asked: httpx.Request) -> None:
    """Refuse what a redirect must not lead to: http:// on another machine."""
    if asked.url.scheme != "https" and not is_loopback(asked.url.host):
        raise httpx.UnsupportedProtocol("not https://")


def _version(answer: Answer) -> str:
    """Return the ETag, or the date and the size of the whole file; "" if there is no date."""
    if etag := answer.headers.get("etag"):
        return str(etag)
    date, ranged = answer.headers.get("last-modified"), answer.headers.get("content-range", "")
    size = ranged.rpartition("/")[2] or answer.headers.get("content-length")
    return f"{date} {size}" if date else ""


def _busy(shown: str, reason: str) -> BusyStorageError:
    return BusyStorageError(
        f"{shown} did not answer as expected after several attempts ({reason}); run again, and "
        "check the connection if this happens again."
    )
