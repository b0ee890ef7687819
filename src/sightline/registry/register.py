"""Makes a version of a run's model: copies that are checked, then an event."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from sightline.data.holdout import holdout_sha256
from sightline.errors import InputError
from sightline.records import Certificate, FileRecord
from sightline.records.manifest import RunManifest
from sightline.registry import audit_log, documents, paths, verify, writing
from sightline.registry.audit_log import Trail
from sightline.registry.version import Version, read_registered, read_version
from sightline.runs import run_folder
from sightline.storage import digests, files
from sightline.storage.workspace import Workspace

Source = tuple[str, Path, FileRecord]
"""Name as shipped, where it lies, what it must be."""


def register(
    workspace: Workspace, manifest: RunManifest, certificate: Certificate | None = None
) -> Version:
    """Add a run's model to the store; it becomes the candidate.

    Registering the same run again returns the version that is there, unless it is damaged, and
    completes what a killed process began.

    Args:
        workspace: The artifacts root, with the run published.
        manifest: The run's.
        certificate: That of its exports, where the run made none itself.

    Returns:
        The version.

    Raises:
        InputError: The run's folder or an exported file is damaged, the certificate is that of
            another model, or the data set's audit log is damaged.
        StorageError: The artifacts root is full or cannot be written.
    """
    certificate = certificate or manifest.records.export
    dataset = manifest.records.ingest.dataset
    with workspace.in_use(), ExitStack() as held:
        sources = list(_sources(workspace, manifest, certificate))
        held.enter_context(writing.alone(workspace, dataset, f"register a version of {dataset}"))
        trail = audit_log.read(workspace, dataset)
        version = _find(workspace, trail, manifest, certificate, sources)
        if version is None:
            version = _make(workspace, manifest, certificate, sources, trail.line.registered)
        if version.name not in trail.line.registered:
            audit_log.append(
                workspace,
                trail,
                "register",
                version.name,
                version_sha256=digests.sha256(workspace.root / version.folder / paths.VERSION),
                run_id=version.run_id,
                reason="",
            )
    return version


def _sources(
    workspace: Workspace, manifest: RunManifest, certificate: Certificate | None
) -> Iterator[Source]:
    from sightline.export import formats  # which needs NumPy

    run = run_folder.folder(workspace, manifest.run_id)
    own = run / paths.MANIFEST
    model = _model(own, manifest)
    yield paths.MODEL, run / paths.MODEL, model
    yield paths.MANIFEST, own, _describe(own)
    if certificate is None:
        return
    if (certificate.model_sha256, certificate.weights_sha256) != (
        model.sha256,
        manifest.weights_sha256,
    ):
        raise InputError(
            f"The certificate {certificate.certificate.path} is that of another model than run "
            f"{manifest.run_id}: expected SHA-256 {model.sha256}, got {certificate.model_sha256}; "
            "export again."
        )
    yield paths.CERTIFICATE, workspace.root / certificate.certificate.path, certificate.certificate
    for export in certificate.exports:
        if export.passed and export.format != "keras":  # the measured file itself is that
            for file in export.files:
                name = f"{formats.FOLDER}/{formats.shipped_name(file)}"
                yield name, workspace.root / file.path, file


def _model(path: Path, manifest: RunManifest) -> FileRecord:
    """Return the record of a run's model; make sure that the run that lies there is meant."""
    found = run_folder.read_folder(path.parent)
    if (found.created, found.weights_sha256) != (manifest.created, manifest.weights_sha256):
        raise InputError(
            f"{path} is that of another run than expected: weights {found.weights_sha256}, "
            f"expected {manifest.weights_sha256}; it was replaced meanwhile. Try again."
        )
    if paths.MODEL not in manifest.files:
        raise InputError(f"{path} names no file {paths.MODEL}; it is damaged: train again.")
    return manifest.files[paths.MODEL]


def _find(
    workspace: Workspace,
    trail: Trail,
    manifest: RunManifest,
    certificate: Certificate | None,
    sources: list[Source],
) -> Version | None:
    """Find an intact version of this very run with these exports, or with certified ones.

    A certificate holds times, so that exporting once more never gives the same one.
    """
    expected = {name: (file.sha256, file.bytes) for name, _, file in sources}
    for version in _readable(workspace, trail):
        found = {name: (file.sha256, file.bytes) for name, file in version.files.items()}
        same = all(found.get(own) == expected[own] for own in (paths.MODEL, paths.MANIFEST))
        known = version.name in trail.line.registered
        if same and (found == expected or (known and _covers(version.certificate, certificate))):
            with suppress(InputError):  # a damaged one is none
                verify.check(workspace, version)
                return version
    return None


def _readable(workspace: Workspace, trail: Trail) -> Iterator[Version]:
    """Read versions, the newest first, also those that no event knows yet."""
    for number in reversed(paths.numbers(workspace, trail.dataset)):
        name = paths.name(trail.dataset, number)
        try:
            if name in trail.line.registered:
                version = read_registered(workspace, trail, name)
            else:
                version, _ = read_version(workspace, trail.dataset, number)
        except InputError:
            continue
        yield version


def _covers(had: Certificate | None, wanted: Certificate | None) -> bool:
    """Tell whether a certificate passed with all the forms that another one has."""
    if had is None or not had.passed:
        return False
    return _forms(wanted) <= _forms(had)


def _forms(certificate: Certificate | None) -> set[str]:
    return {export.format for export in certificate.exports} if certificate else set()


def _make(
    workspace: Workspace,
    manifest: RunManifest,
    certificate: Certificate | None,
    sources: list[Source],
    registered: frozenset[str],
) -> Version:
    records, dataset = manifest.records, manifest.records.ingest.dataset
    known = [parsed[1] for name in registered if (parsed := paths.parse(name))]
    number = max((*known, *paths.numbers(workspace, dataset)), default=0) + 1
    place = paths.relative(dataset, number)
    inspection, calibration = records.ingest.inspection, records.evaluate.calibration
    workspace.check_room(sum(file.bytes for _, _, file in sources), "The files of a version")
    with files.new_folder(workspace.root / place, replace=False) as folder:
        version = Version(
            dataset=dataset,
            number=number,
            created=datetime.now(UTC),
            run_id=manifest.run_id,
            recipe=manifest.config.recipe,
            files={
                name: _copy(source, folder / name, expected, f"{place}/{name}")
                for name, source, expected in sources
            },
            weights_sha256=manifest.weights_sha256,
            holdout_sha256=holdout_sha256(records.ingest),
            accuracy=records.evaluate.accuracy,
            accuracy_interval=records.evaluate.accuracy_interval,
            loss=records.evaluate.loss,
            parameters=records.build.parameters,
            class_names=records.ingest.class_names,
            image_shape=records.ingest.image_shape,
            profile=inspection.profiles.get("train") if inspection else None,
            certificate=certificate,
            calibration_error=calibration.error if calibration else None,
        )
        documents.write(folder / paths.VERSION, version)
    return version


def _copy(source: Path, target: Path, expected: FileRecord, path: str) -> FileRecord:
    """Copy a file and check the copy.

    Raises:
        InputError: It cannot be read, or is not what it must be.
    """
    files.make_folder(target.parent)
    try:
        found = source.stat().st_size
        if found == expected.bytes:
            files.copy(source, target)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(
            f"{source} is missing or no file; train again, or restore it from a copy."
        ) from None
    if found != expected.bytes or digests.sha256(target) != expected.sha256:
        raise InputError(
            f"{source} is not what it was when it was made: expected {expected.bytes:,} bytes with "
            f"SHA-256 {expected.sha256}; restore it from a copy, or train again with --refresh."
        )
    return FileRecord(path=path, sha256=expected.sha256, bytes=expected.bytes)


def _describe(path: Path) -> FileRecord:
    return FileRecord(path=path.name, sha256=digests.sha256(path), bytes=path.stat().st_size)
