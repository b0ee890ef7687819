"""Versions: immutable copies of trained models."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from sightline.config import Resize
from sightline.errors import InputError
from sightline.records import Certificate, FileRecord, Interval, Record, SplitProfile
from sightline.registry import audit_log, documents, paths
from sightline.registry.audit_log import EventLog
from sightline.storage import sync
from sightline.storage.workspace import Workspace


class Version(Record):
    """One version of a data set's models: the content of its `version.json`."""

    schema_version: Literal[1] = 1
    dataset: str = Field(pattern=paths.DATASET)
    number: int = Field(ge=1)  # in the order of registration
    created: datetime  # when it was registered, in UTC
    run_id: str
    recipe: str
    files: dict[str, FileRecord]  # by name as shipped, such as "exports/model.onnx"
    weights_sha256: str
    holdout_sha256: str  # of the test images and labels, see `data.holdout`
    accuracy: float  # on the test split, in [0, 1]
    accuracy_interval: Interval  # 95 %
    balanced_accuracy: float | None = None  # mean recall of the classes, on the test split
    loss: float  # on the test split, in nats
    parameters: int
    class_names: tuple[str, ...]  # in label order
    image_shape: tuple[int, int, int]  # height, width and channels
    resize: Resize = "stretch"  # how its training images were brought to this shape
    white: int = 65535  # value that is white in its images of 16 bits
    profile: SplitProfile | None = None  # of the training images, if they were inspected
    certificate: Certificate | None = None  # of the exports, if there are any
    calibration_error: float | None = None  # expected, on the test split, in [0, 1]

    @property
    def name(self) -> str:
        """Its name, such as `mnist-v3`."""
        return paths.name(self.dataset, self.number)

    @property
    def folder(self) -> str:
        """Its folder, as POSIX path relative to the artifacts root."""
        return paths.relative(self.dataset, self.number)

    @property
    def model(self) -> FileRecord:
        """The `.keras` file."""
        return self.files[paths.MODEL]

    @model_validator(mode="after")
    def _check_paths(self) -> Self:
        for name, record in self.files.items():
            if record.path != f"{self.folder}/{name}":
                raise ValueError(f"expected the file {self.folder}/{name}, got {record.path}")
        if paths.MODEL not in self.files:
            raise ValueError(f"expected a file {paths.MODEL}")
        return self


def read_version(workspace: Workspace, dataset: str, number: int) -> tuple[Version, str]:
    """Read a version, registered or not, and its record's SHA-256; raise InputError if damaged."""
    path = paths.home(workspace, dataset) / "versions" / str(number) / paths.VERSION
    if not path.exists():  # a listing may not name it yet
        sync.pull_file(workspace, f"{paths.relative(dataset, number)}/{paths.VERSION}")
    version, sha256 = documents.read(path, Version)
    expected = paths.name(dataset, number)
    if version.name != expected:
        raise InputError(
            f"{path} belongs to {version.name}, expected {expected}; restore it from a copy."
        )
    return version, sha256


def read_registered(workspace: Workspace, log: EventLog, name: str) -> Version:
    """Read a version; raise InputError if it is not registered, or was changed since it was."""
    event, parsed = log.last_of("register", name), paths.parse(name)
    if event is None or parsed is None:
        raise unknown_version(workspace, name)
    if pruned := log.last_of("prune", name):
        raise InputError(
            f"The files of {name} were removed on {pruned.created:%Y-%m-%d} ({pruned.reason}); "
            "`sightline models list` shows the versions that are left."
        )
    version, sha256 = read_version(workspace, *parsed)
    if sha256 != event.version_sha256:
        raise InputError(
            f"{workspace.path(version.folder) / paths.VERSION} was changed since {name} was "
            f"registered: expected SHA-256 {event.version_sha256}, got {sha256}; "
            "restore it from a copy."
        )
    return version


def unknown_version(workspace: Workspace, name: str) -> InputError:
    """Return the error for a name without a version."""
    hint = "see `sightline models list`."
    return InputError(f"There is no version {name[:60]!r} in {workspace}; {hint}")


def versions(
    workspace: Workspace,
    dataset: str | None = None,
    on_damage: Callable[[InputError], object] | None = None,
) -> list[Version]:
    """List the versions of one data set or of all, by data set and number.

    Raises InputError if a log or a version is damaged, or `dataset` is not a data set name.
    `on_damage`, if given, is called with the error of a damaged version, which is then skipped.
    """
    found: list[Version] = []
    for name in paths.datasets(workspace) if dataset is None else [dataset]:
        log = audit_log.read(workspace, name)
        registered = (event for event in log.events if event.action == "register")
        for event in (one for one in registered if one.version not in log.state.pruned):
            try:
                found.append(read_registered(workspace, log, event.version))
            except InputError as error:
                if on_damage is None:
                    raise
                on_damage(error)
    return found
