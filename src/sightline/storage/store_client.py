"""Connects to the object storage that a URL names, with what the environment says about it."""

import os
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sightline.errors import StorageError
from sightline.storage.addresses import is_loopback

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")  # As obstore reads them
_RETRY = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=10)},
}
_CLIENT = {"connect_timeout": "10s", "read_timeout": "30s", "timeout": "6h"}


def connect(url: str) -> Any:
    """Return the client of a URL.

    Raises StorageError if its endpoint is no address, or sends data unencrypted.
    """
    import obstore.store

    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return obstore.store.MemoryStore()
    if scheme == "file":
        return obstore.store.from_url(url, mkdir=True)
    options: Any = {"client_options": _CLIENT | _http(scheme), "retry_config": _RETRY}
    return obstore.store.from_url(url, **options)


def _http(scheme: str) -> dict[str, bool]:
    """Allow http on loopback; elsewhere the environment must allow it, as AWS_ALLOW_HTTP does."""
    found = endpoint()
    if scheme != "s3" or not found:
        return {}
    address = _parse(found)
    if address.scheme == "https":
        return {}
    allowed = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}
    if not (allowed or is_loopback(address.hostname or "")):
        raise StorageError(
            "The endpoint of the object storage is an http:// address, which would send data "
            "unencrypted; use https://, or set AWS_ALLOW_HTTP=true in a network that you trust."
        )
    return {"allow_http": True}


def _parse(address: str) -> SplitResult:
    """Split an endpoint; raise StorageError, which does not repeat it, if it is no address."""
    with suppress(ValueError):
        found = urlsplit(address)
        if found.scheme in {"http", "https"} and found.hostname and found.port != 0:
            return found
    raise StorageError(
        "AWS_ENDPOINT_URL is no address of an object storage; expected https://HOST or "
        "https://HOST:PORT."
    )


def endpoint() -> str:
    """Return the address of another S3 service that the environment names; empty for Amazon's."""
    return next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
