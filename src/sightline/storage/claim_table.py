"""The object that holds all claims on a workspace in object storage.

It is replaced only if nobody else has replaced it since it was read, so no listing decides.
"""

import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass

from sightline.errors import StorageError
from sightline.storage.object_store import ObjectStore

KEY = "claims.json"


@dataclass(frozen=True)
class Claim:
    """A claim of one process."""

    place: str  # The replica that the process works in; a lock tells whether others there are alive
    process: str
    by: str  # Login and host, for messages
    until: float  # Seconds since 1970: when it ends unless it is renewed


Claims = dict[str, Claim]  # By name


def read(store: ObjectStore) -> Claims:
    """Return the claims that have not ended, by name."""
    return _parse(store, store.read(KEY))


def change(store: ObjectStore, apply: Callable[[Claims], None]) -> None:
    """Change the claims; begin again if another process changed them in the meantime.

    Raises StorageError if the object is damaged or the service ignores conditions.
    """
    while True:
        found = store.read_tagged(KEY)
        claims = _parse(store, found[0] if found else None)
        apply(claims)
        content = json.dumps({name: asdict(claim) for name, claim in claims.items()}).encode()
        if found:
            done = store.replace(KEY, content, found[1])
        else:
            _check_conditions(store)
            done = store.create(KEY, content)
        if done:
            return
        time.sleep(random.uniform(0, 0.2))  # noqa: S311 - only spreads attempts


def _check_conditions(store: ObjectStore) -> None:
    """Raise StorageError if a service writes although a condition is not met."""
    key = f"conditions.{uuid.uuid4().hex}.check"  # other machines may be checking
    store.write(key, b"1")
    tagged = store.read_tagged(key)
    store.write(key, b"2")
    try:
        refused = not store.create(key, b"3")
        refused = refused and not (tagged and store.replace(key, b"4", tagged[1]))
    except StorageError:  # it does not know conditions
        refused = False
    store.delete(key)
    if not refused:
        raise StorageError(
            f"{store.url} does not refuse a write whose condition (If-None-Match or If-Match) is "
            "not met, so two machines could overwrite each other's work; use a service that "
            "supports conditional writes."
        )


def _parse(store: ObjectStore, content: bytes | None) -> Claims:
    try:
        found = {name: Claim(**one) for name, one in json.loads(content or b"{}").items()}
        return {name: claim for name, claim in found.items() if claim.until > time.time()}
    except (ValueError, TypeError, AttributeError):
        raise StorageError(
            f"{store.url}/{KEY} is damaged; delete it when no run is active."
        ) from None
