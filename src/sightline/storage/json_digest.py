"""JSON files that carry their own digest: their last key is the SHA-256 of all the rest.

They stay readable for people and for any JSON parser, and every changed byte is noticed.
"""

import hashlib
import json
import re
from typing import Any

_SEAL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n\}\Z')
_END = b"\n}"


def seal(content: dict[str, Any]) -> bytes:
    """Return an object as indented JSON with its digest.

    Args:
        content: JSON-able values, at least one, without a key "sha256".

    Returns:
        UTF-8 text. Its last line but one holds the digest of the text without that line.
    """
    body = json.dumps(content, indent=1, ensure_ascii=False).encode()
    digest = hashlib.sha256(body).hexdigest()
    return body.removesuffix(_END) + f',\n "sha256": "{digest}"\n}}'.encode()


def unseal(text: bytes) -> bytes:
    """Check the digest of a text.

    Args:
        text: What `seal` returned.

    Returns:
        The JSON without the digest.

    Raises:
        ValueError: A byte differs from what was sealed, or there is no seal.
    """
    found = _SEAL.search(text)
    if found is None:
        raise ValueError("it does not end with a digest of itself")
    body = text[: found.start()] + _END
    expected, digest = found[1].decode(), hashlib.sha256(body).hexdigest()
    if digest != expected:
        raise ValueError(f"expected SHA-256 {expected}, got {digest}")
    return body


def unseal_if_sealed(text: bytes) -> bytes:
    """Check the digest of a text; one that has none comes from before files were sealed.

    Whatever reads the JSON must refuse a key "sha256", which is then a broken seal.

    Raises:
        ValueError: A byte differs from what was sealed.
    """
    return unseal(text) if _SEAL.search(text) else text
