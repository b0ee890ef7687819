"""Remembers the digest of a data set from one look to the next, and tells when it changed."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from sightline.config import DataConfig
from sightline.data.locate import locate
from sightline.pipeline.provenance import digest_of
from sightline.records import Record, Source
from sightline.storage import files
from sightline.storage.workspace import Workspace

_NAME_DIGITS = 12


class Look(Record):
    """What one look at a data set found.

    Attributes:
        dataset: The name or absolute path that was looked at.
        source: What lies there now.
        looked: When, in UTC.
        previous_sha256: Digest at the look before; None at the first.
    """

    dataset: str
    source: Source
    looked: datetime
    previous_sha256: str | None = None

    @property
    def first(self) -> bool:
        """Tell whether nobody looked before."""
        return self.previous_sha256 is None

    @property
    def pinned(self) -> bool:
        """Tell whether this is a named data set, whose digest is part of Sightline."""
        return self.source.kind in {"named", "embedded"}

    @property
    def changed(self) -> bool:
        """Tell whether the content differs from that of the look before."""
        return not self.first and self.previous_sha256 != self.source.sha256


def look(workspace: Workspace, dataset: str) -> Look:
    """Digest a data set and compare it with the last look that was remembered.

    Args:
        workspace: Looks are remembered under `watch/`.
        dataset: A data set's name, or the path of your own.

    Returns:
        What was found; nothing is remembered yet.

    Raises:
        DataError: There is no such data set, or it cannot be read.
        StorageError: What was remembered cannot be read.
    """
    source = locate(DataConfig(dataset=dataset))
    found = Look(dataset=source.path, source=source, looked=datetime.now(UTC))
    with files.storage_errors(workspace.root):
        before = _remembered(_path(workspace, found))
    return found.model_copy(update={"previous_sha256": before})


def remember(workspace: Workspace, found: Look) -> None:
    """Keep a look for the next one to compare with; call it once everybody was told.

    Raises:
        StorageError: The artifacts root is full or cannot be written.
    """
    with files.storage_errors(workspace.root), files.new_file(_path(workspace, found)) as path:
        path.write_text(found.model_dump_json(indent=1), encoding="utf-8")


def _path(workspace: Workspace, found: Look) -> Path:
    place = digest_of(found.dataset)[:_NAME_DIGITS]
    return workspace.root / "watch" / f"{found.source.dataset}-{place}.json"


def _remembered(path: Path) -> str | None:
    """Return the digest of the last look; a damaged memory counts as a change, not as none."""
    try:
        return Look.model_validate_json(path.read_bytes()).source.sha256
    except FileNotFoundError:
        return None
    except ValidationError:
        return "unreadable"
