"""The base of all records, and those that name a run and its files."""

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sightline.storage.workspace import Workspace


class Record(BaseModel):
    """A frozen, JSON-able record.

    Attributes:
        incidental: Fields that no later stage computes with; they stay out of cache keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    incidental: ClassVar[frozenset[str]] = frozenset()


class Run(Record):
    """Where a run works and how it was asked for; never part of a cache key.

    Attributes:
        id: The run's id and the name of its folder.
        workspace: The artifacts root that it works in.
        started: When the run was asked for, in UTC.
        data_dir: Where local copies of named data sets lie.
        mirror: Base address to download from instead of the public mirrors.
        refresh: Whether to make every stage again.
        ahead: Stage name to the seconds spent on it before the flow began.
        repeats: Id of the run that this one makes again, where it does.
    """

    id: str
    workspace: Workspace
    started: datetime = Field(default_factory=lambda: datetime.now(UTC))
    data_dir: Path | None = None
    mirror: str | None = Field(default=None, exclude=True, repr=False)  # may hold a password
    refresh: bool = False
    ahead: dict[str, float] = Field(default_factory=dict)
    repeats: str | None = None

    @property
    def token(self) -> str:
        """Tell this run from an earlier one of the same id."""
        return f"{self.id} {self.started.isoformat()}"


def _below_root(path: str) -> str:
    """Refuse a path that leads out of the artifacts root: a record may come from a file."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or not path.isprintable():
        raise ValueError(f"expected a path below the artifacts root without '..', got {path!r}")
    return path


class FileRecord(Record):
    """A file under the artifacts root: POSIX path relative to the root, digest, size in bytes."""

    path: Annotated[str, AfterValidator(_below_root)]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class ArrayFile(FileRecord):
    """An NPY file with its shape and its NumPy dtype name."""

    shape: tuple[int, ...]
    dtype: str
