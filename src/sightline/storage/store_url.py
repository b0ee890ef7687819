"""URLs of object storage."""

import re

from sightline.errors import InputError

_SCHEMES = ("s3", "gs", "az", "file", "memory")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


def is_url(text: str) -> bool:
    """Return whether a text is a URL, not a path."""
    return "://" in text


def check_url(url: str) -> str:
    """Return the URL of a store without a slash at its end.

    Raises InputError if its scheme is not supported or it holds a password, a query or no bucket.
    Messages do not repeat what may be a secret.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in _SCHEMES:
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
