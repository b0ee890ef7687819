"""Checks that an object storage refuses writes whose condition is not met, once for each store."""

import uuid
from functools import lru_cache

from sightline.errors import BusyStorageError, StorageError
from sightline.storage.object_store import ObjectStore

CHECKED = "conditions.checked"  # The object that tells that the service has passed


@lru_cache(maxsize=16)
def check(store: ObjectStore) -> None:
    """Raise StorageError if a service writes although a condition is not met.

    BusyStorageError means that it did not answer.
    """
    if store.stat(CHECKED):
        return
    key = f"conditions.{uuid.uuid4().hex}.check"  # other machines may be checking
    store.write(key, b"1")
    tagged = store.read_tagged(key)
    store.write(key, b"2")
    try:
        refused = not store.create(key, b"3")
        refused = refused and not (tagged and store.replace(key, b"4", tagged[1]))
    except BusyStorageError:  # it may know them when it answers
        raise
    except StorageError:  # it does not know conditions
        refused = False
    finally:
        store.delete(key)
    if not refused:
        raise StorageError(
            f"{store.url} does not refuse a write whose condition (If-None-Match or If-Match) is "
            "not met, so two machines could overwrite each other's work; use a service that "
            "supports conditional writes."
        )
    store.write(CHECKED, b"")
