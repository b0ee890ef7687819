"""JSON files that end with their own SHA-256, so that every changed byte is noticed.

Any JSON parser reads them: the digest is the last key, "sha256".
"""

import hashlib
import json
import re
from typing import Any

from pydantic import ValidationError

_DIGEST = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n\}\Z')
_END = b"\n}"


def dumps(content: dict[str, Any]) -> bytes:
    """Return an object as indented JSON in UTF-8 that ends with its digest.

    The object has at least one key, and none is "sha256". The digest is that of the JSON without
    the digest's line.
    """
    body = json.dumps(content, indent=1, ensure_ascii=False).encode()
    digest = hashlib.sha256(body).hexdigest()
    return body.removesuffix(_END) + f',\n "sha256": "{digest}"\n}}'.encode()


def verify(text: bytes) -> bytes:
    """Return the JSON without its digest. Raises ValueError if that is missing or wrong."""
    found = _DIGEST.search(text)
    if found is None:
        raise ValueError("it does not end with a digest of itself")
    body = text[: found.start()] + _END
    expected, digest = found[1].decode(), hashlib.sha256(body).hexdigest()
    if digest != expected:
        raise ValueError(f"expected SHA-256 {expected}, got {digest}")
    return body


def reason(error: OSError | ValueError) -> str:
    """Describe in one line why a file could not be read as a record."""
    if isinstance(error, OSError):
        return str(error.strerror)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        return f"{where}: {first['msg']}"
    return str(error)
