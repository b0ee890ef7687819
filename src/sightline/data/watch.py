"""Detect changes of a data set by comparing its digest with the one seen before."""

import json
from datetime import UTC, datetime
from pathlib import Path

from sightline.config import DataConfig
from sightline.data.locate import locate
from sightline.pipeline.provenance import digest_of
from sightline.records import Record, Source
from sightline.storage import files, sync
from sightline.storage.workspace import Workspace


class Observation(Record):
    """The state of a data set at one time."""

    dataset: str  # Its name or absolute path
    source: Source
    observed_at: datetime  # Time in UTC
    previous_sha256: str | None = None  # Digest at the observation before; None at the first

    @property
    def first(self) -> bool:
        """Whether no earlier observation is stored."""
        return self.previous_sha256 is None

    @property
    def pinned(self) -> bool:
        """Whether this is a named data set, whose digest is part of Sightline."""
        return self.source.kind in {"named", "embedded"}

    @property
    def changed(self) -> bool:
        """Whether the content differs from the observation before."""
        return not self.first and self.previous_sha256 != self.source.sha256


def observe(workspace: Workspace, dataset: str) -> Observation:
    """Digest a data set (a name or a path) and compare it with the stored observation."""
    source = locate(DataConfig(dataset=dataset))
    found = Observation(dataset=source.path, source=source, observed_at=datetime.now(UTC))
    sync.pull_file(workspace, _key(found))
    with workspace.storage_errors():
        previous = _stored_digest(workspace.path(_key(found)))
    return found.model_copy(update={"previous_sha256": previous})


def store_observation(workspace: Workspace, found: Observation) -> None:
    """Store an observation for later comparison; call it after the change was reported."""
    path = workspace.path(_key(found))
    with workspace.storage_errors(), files.new_file(path) as temporary:
        temporary.write_text(found.model_dump_json(indent=1), encoding="utf-8")
    sync.push_file(workspace, _key(found))


def _key(found: Observation) -> str:
    return f"watch/{found.source.dataset}-{digest_of(found.dataset)[:12]}.json"


def _stored_digest(path: Path) -> str | None:
    """Return the stored digest; a damaged file counts as a change, not as no observation."""
    try:
        return str(json.loads(path.read_bytes())["source"]["sha256"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return "unreadable"
