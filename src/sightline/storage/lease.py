"""Leases between machines: objects that their holders renew, and that expire without that.

A lease saves work and never protects data: a holder that was suspended may go on for a moment
beside the next one. So it is used only where equal content is made.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sightline.errors import StorageError
from sightline.storage.object_store import ObjectStore

EXPIRES_SECONDS = 60  # Without a renewal
_RENEW_SECONDS = 15
_POLL_SECONDS = 2
_log = logging.getLogger(__name__)


@contextmanager
def held(store: ObjectStore, key: str, owner: str, purpose: str) -> Iterator[None]:
    """Hold the lease of a key; wait while another owner holds it, and log the purpose.

    An owner may take over its own lease at once: it knows by other means, such as a lock, that its
    earlier holder has ended. The time that a lease was not renewed is measured by one's own clock.
    """
    _acquire(store, key, owner, purpose)
    ended = threading.Event()
    renewal = threading.Thread(target=_renew, args=(store, key, owner, ended), daemon=True)
    renewal.start()
    try:
        yield
    finally:
        ended.set()
        renewal.join()
        with suppress(StorageError):  # it expires
            found = store.read_tagged(key)
            if found and _owner(found[0]) == owner:
                store.delete(key)


def _acquire(store: ObjectStore, key: str, owner: str, purpose: str) -> None:
    seen, since = "", 0.0
    while not store.create(key, _content(owner)):
        found = store.read_tagged(key)
        if found is None:
            continue
        content, tag = found
        if tag != seen:
            if not seen and _owner(content) != owner:
                _log.warning("Waiting for another machine that does the same: %s", purpose)
            seen, since = tag, time.monotonic()
        expired = time.monotonic() - since >= EXPIRES_SECONDS
        if (expired or _owner(content) == owner) and store.replace(key, _content(owner), tag):
            return
        time.sleep(_POLL_SECONDS)


def _renew(store: ObjectStore, key: str, owner: str, ended: threading.Event) -> None:
    while not ended.wait(_RENEW_SECONDS):
        with suppress(StorageError):  # another attempt follows
            found = store.read_tagged(key)
            if found is None or _owner(found[0]) != owner:
                _log.warning("Another machine took over the lease %s", key)
                return
            store.replace(key, _content(owner), found[1])


def _content(owner: str) -> bytes:
    """Return the content of a lease; the time makes each renewal another object."""
    return json.dumps({"owner": owner, "time": time.time_ns()}).encode()


def _owner(content: bytes) -> str | None:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(content)["owner"])
    return None
