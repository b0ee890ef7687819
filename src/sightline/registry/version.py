"""Versions: trained models as they are shipped, which never change."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from sightline.errors import InputError
from sightline.records import Certificate, FileRecord, Interval, Record, SplitProfile
from sightline.registry import audit_log, documents, paths
from sightline.registry.audit_log import Trail
from sightline.storage.workspace import Workspace


class Version(Record):
    """One version of the models of a data set: the content of its `version.json`.

    Attributes:
        dataset: The data set's name, fit for a file's name.
        number: From 1, in the order of registration.
        created: When it was registered, in UTC.
        run_id: The run that it came from.
        recipe: That run's recipe.
        files: Name as shipped, such as "exports/model.onnx", to its record; paths relative to
            the artifacts root.
        weights_sha256: Digest of all weights.
        holdout_sha256: Digest of what it was scored on (`sightline.holdout`).
        accuracy: Test accuracy, in [0, 1].
        accuracy_interval: 95 % interval of it.
        loss: Test loss, in nats.
        parameters: Number of weights.
        class_names: Names in label order.
        image_shape: Height, width and channels.
        profile: What its training images looked like; None where nobody looked.
        certificate: What was measured of its exported forms; None where nothing was exported.
        calibration_error: Expected calibration error on the test split, in [0, 1].
    """

    schema_version: Literal[1] = 1
    dataset: str = Field(pattern=paths.DATASET)
    number: int = Field(ge=1)
    created: datetime
    run_id: str
    recipe: str
    files: dict[str, FileRecord]
    weights_sha256: str
    holdout_sha256: str
    accuracy: float
    accuracy_interval: Interval
    loss: float
    parameters: int
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    profile: SplitProfile | None = None
    certificate: Certificate | None = None
    calibration_error: float | None = None

    @property
    def name(self) -> str:
        """What it is called, such as `mnist-v3`."""
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
    def _has_its_files_in_its_folder(self) -> Self:
        for name, record in self.files.items():
            if record.path != f"{self.folder}/{name}":
                raise ValueError(f"expected the file {self.folder}/{name}, got {record.path}")
        if paths.MODEL not in self.files:
            raise ValueError(f"expected a file {paths.MODEL}")
        return self


def read_version(workspace: Workspace, dataset: str, number: int) -> tuple[Version, str]:
    """Read a version, whether an event knows it or not.

    Args:
        dataset: The data set's name.
        number: The version's number.

    Returns:
        The version, and the SHA-256 of its `version.json`.

    Raises:
        InputError: It is missing, damaged, or that of another version.
    """
    path = paths.home(workspace, dataset) / "versions" / str(number) / paths.VERSION
    version, sha256 = documents.read(path, Version)
    if version.name != paths.name(dataset, number):
        raise InputError(
            f"{path} is that of {version.name}, expected {paths.name(dataset, number)}; restore "
            "it from a copy."
        )
    return version, sha256


def read_registered(workspace: Workspace, trail: Trail, name: str) -> Version:
    """Read a version that an event knows, and check that it is the one that was registered.

    Args:
        trail: The events of its data set.
        name: The version's name.

    Raises:
        InputError: No event knows it, or it is missing or was changed since.
    """
    event = trail.last(lambda event: event.action == "register" and event.version == name)
    parsed = paths.parse(name)
    if event is None or parsed is None:
        raise InputError(
            f"There is no version {name[:60]!r} in {workspace}; see `sightline models list`."
        )
    version, sha256 = read_version(workspace, *parsed)
    if sha256 != event.version_sha256:
        raise InputError(
            f"{workspace.root / version.folder / paths.VERSION} was changed since {name} was "
            f"registered: expected SHA-256 {event.version_sha256}, got {sha256}; "
            "restore it from a copy."
        )
    return version


def versions(
    workspace: Workspace,
    dataset: str | None = None,
    left_out: Callable[[InputError], object] | None = None,
) -> list[Version]:
    """List versions, by data set and number.

    Args:
        dataset: Only versions of this data set; of all unless told.
        left_out: Called with what is wrong with a version, which is then left out; unless
            given, that is raised.

    Raises:
        InputError: A log or a version is damaged, or `dataset` is no name of a data set.
    """
    found: list[Version] = []
    for name in paths.datasets(workspace) if dataset is None else [dataset]:
        trail = audit_log.read(workspace, name)
        for event in trail.events:
            if event.action == "register":
                try:
                    found.append(read_registered(workspace, trail, event.version))
                except InputError as error:
                    if left_out is None:
                        raise
                    left_out(error)
    return found
