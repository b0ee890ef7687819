"""The file `models/<dataset>/champion.json`, which names the champion for other programs.

Sightline never reads it: the champion follows from the events. It is replaced after each promotion
and rollback, and on object storage never by an earlier event.
"""

import logging
from contextlib import suppress
from datetime import datetime

from sightline.errors import StorageError
from sightline.records import Record
from sightline.registry import documents, paths
from sightline.registry.events import Event
from sightline.registry.version import Version
from sightline.storage import json_digest
from sightline.storage.object_store import ObjectStore
from sightline.storage.workspace import Workspace

NAME = "champion.json"
_log = logging.getLogger(__name__)


class ChampionFile(Record):
    """What the file says."""

    dataset: str
    version: str  # Such as `mnist-v3`
    number: int
    folder: str  # Of the version, relative to the artifacts root
    model_sha256: str  # Of its `model.keras`
    class_names: tuple[str, ...]  # In the order of the probabilities
    image_shape: tuple[int, int, int]  # Height, width and channels
    event: int  # The number of the event that made it the champion
    since: datetime  # The time of that event (UTC)


def write(workspace: Workspace, version: Version, event: Event) -> None:
    """Replace the file, or log a warning; the caller holds the data set's lock."""
    record = ChampionFile(
        dataset=version.dataset,
        version=version.name,
        number=version.number,
        folder=version.folder,
        model_sha256=version.model.sha256,
        class_names=version.class_names,
        image_shape=version.image_shape,
        event=event.number,
        since=event.created,
    )
    path = paths.home(workspace, version.dataset) / NAME
    try:
        store, key = workspace.store, path.relative_to(workspace.root).as_posix()
        if store is None or _is_stored(store, key, record):
            documents.write(path, record)
    except (OSError, StorageError) as error:  # the event counts
        _log.warning("%s could not be updated: %s", path, error)


def _is_stored(store: ObjectStore, key: str, record: ChampionFile) -> bool:
    """Replace the object, unless a later event did; return whether it now is that of this event."""
    content = documents.dumps(record)
    while not store.create(key, content):
        found = store.read_tagged(key)
        if found and _event(found[0]) > record.event:
            return False
        if found and store.replace(key, content, found[1]):
            return True
    return True


def _event(content: bytes) -> int:
    with suppress(ValueError):
        return ChampionFile.model_validate_json(json_digest.verify(content)).event
    return 0
