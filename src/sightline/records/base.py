"""The base class of all records, and the records of a run and its files."""

from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sightline.config import Resize
from sightline.storage.workspace import Workspace

DatasetName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]  # part of file names
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """A frozen record that can be stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    # Fields that no later stage depends on; they are left out of cache keys
    incidental: ClassVar[frozenset[str]] = frozenset()


class Run(Record):
    """The id, workspace and options of a run; never part of a cache key."""

    id: str  # The run's id and the name of its folder
    workspace: Workspace  # The workspace that it uses
    started: datetime = Field(default_factory=lambda: datetime.now(UTC))
    data_dir: Path | None = None  # Folder with local copies of named data sets
    # Base URL to download from instead of the public mirrors; may hold a password
    mirror: str | None = Field(default=None, exclude=True, repr=False)
    refresh: bool = False  # Ignore the cache and rerun every stage
    repeats: str | None = None  # Id of the run that this one reproduces

    @property
    def token(self) -> str:
        """Identifies this run among runs with the same id."""
        return f"{self.id} {self.started.isoformat()}"


def _below_root(path: str) -> str:
    """Reject paths that lead out of the artifacts folder: a record may come from a file."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or not path.isprintable():
        raise ValueError(f"expected a path below the artifacts root without '..', got {path!r}")
    return path


class FileRecord(Record):
    """A file: POSIX path relative to the artifacts folder, SHA-256 and size in bytes."""

    incidental: ClassVar[frozenset[str]] = frozenset({"path"})  # equal bytes give equal results

    path: Annotated[str, AfterValidator(_below_root)]
    sha256: Sha256
    bytes: int = Field(ge=0)


class ArrayFile(FileRecord):
    """An NPY file with its shape and the name of its NumPy dtype."""

    shape: tuple[int, ...]
    dtype: str


class EncodedFile(FileRecord):
    """Encoded images, one after the other, that are decoded when they are read."""

    offsets: ArrayFile  # int64 NPY (n + 1,): the byte where each image starts, and the end
    shape: tuple[int, ...]  # (n, height, width, channels) of the decoded images
    resize: Resize  # How they are brought to this size
    white: int = 65535  # Value that is white in images of 16 bits
    dtype: Literal["uint8"] = "uint8"


ImagesFile = ArrayFile | EncodedFile
"""Images of one shape, whether decoded or not."""
