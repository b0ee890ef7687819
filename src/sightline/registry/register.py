"""Registers a run's model as a version: checked copies of its files, then an event."""

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sightline.data.holdout import holdout_sha256
from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.records import Certificate, FileRecord
from sightline.records.manifest import RunManifest
from sightline.registry import audit_log, documents, paths, verify
from sightline.registry.audit_log import EventLog, OvertakenError, again_if_overtaken
from sightline.registry.version import Version, read_registered, read_version
from sightline.storage import digests, files, transfer
from sightline.storage.workspace import Workspace

Sources = dict[str, tuple[Path, FileRecord]]  # from the name as shipped


@again_if_overtaken
def register(
    workspace: Workspace, manifest: RunManifest, certificate: Certificate | None = None
) -> Version:
    """Add a run's model to the registry; it becomes the candidate.

    Registering a run again returns its version, unless that is damaged, and completes what a
    killed process began. `certificate` is that of its exports, if the run itself made none.

    Raises InputError if the run folder, an exported file or the audit log is damaged or the
    certificate belongs to another model, and StorageError if the artifacts root cannot be written.
    """
    certificate = certificate or manifest.records.export
    dataset = manifest.records.ingest.dataset
    with workspace.in_use():
        sources = _sources(workspace, manifest, certificate)
        with documents.locked(workspace, dataset, f"register a version of {dataset}"):
            log = audit_log.read(workspace, dataset)
            version = _existing(workspace, log, certificate, sources)
            if version is None:
                version = _copied(workspace, log, manifest, certificate, sources)
            if version.name not in log.state.registered:
                sha256 = digests.sha256(workspace.path(version.folder) / paths.VERSION)
                details = {"version_sha256": sha256, "run_id": version.run_id, "reason": ""}
                audit_log.append(workspace, log, "register", version.name, **details)
    return version


def _sources(
    workspace: Workspace, manifest: RunManifest, certificate: Certificate | None
) -> Sources:
    run = run_folder.folder(workspace, manifest.run_id)
    own = run / paths.MANIFEST
    model = _model(own, manifest)
    own_record = FileRecord(path=own.name, sha256=digests.sha256(own), bytes=own.stat().st_size)
    sources = {paths.MODEL: (run / paths.MODEL, model), paths.MANIFEST: (own, own_record)}
    if profile := manifest.files.get(paths.PROFILE):
        sources[paths.PROFILE] = (run / paths.PROFILE, profile)
    if certificate is None:
        return sources
    from sightline.export import formats  # which imports NumPy

    _check_certificate(certificate, manifest, model)
    exported = {paths.CERTIFICATE: certificate.certificate}
    for export in certificate.exports:
        if export.passed and export.format != "keras":  # the measured file itself is shipped
            for file in export.files:
                exported[f"{formats.FOLDER}/{formats.shipped_name(file)}"] = file
    return sources | {name: (workspace.path(file.path), file) for name, file in exported.items()}


def _model(path: Path, manifest: RunManifest) -> FileRecord:
    """Return the record of a run's model, and check that the run folder holds this run."""
    found = run_folder.read_folder(path.parent)
    if (found.created, found.weights_sha256) != (manifest.created, manifest.weights_sha256):
        raise InputError(
            f"{path} belongs to another run: expected weights {manifest.weights_sha256}, found "
            f"{found.weights_sha256}. The run was replaced meanwhile; try again."
        )
    if paths.MODEL not in manifest.files:
        raise InputError(f"{path} names no file {paths.MODEL}; it is damaged: train again.")
    return manifest.files[paths.MODEL]


def _check_certificate(certificate: Certificate, manifest: RunManifest, model: FileRecord) -> None:
    found = (certificate.model_sha256, certificate.weights_sha256)
    if found != (model.sha256, manifest.weights_sha256):
        raise InputError(
            f"The certificate {certificate.certificate.path} belongs to another model than that of "
            f"run {manifest.run_id}: expected SHA-256 {model.sha256}, got "
            f"{certificate.model_sha256}; export again."
        )


def _existing(
    workspace: Workspace, log: EventLog, certificate: Certificate | None, sources: Sources
) -> Version | None:
    """Find an intact version of this run with these exports, or with exports that include them.

    A certificate holds times, so that two exports of a model never give equal ones.
    """
    expected = {name: (file.sha256, file.bytes) for name, (_, file) in sources.items()}
    for number in reversed(paths.numbers(workspace, log.dataset)):
        registered = paths.name(log.dataset, number) in log.state.registered
        with suppress(InputError):  # a damaged version does not count
            if registered:
                version = read_registered(workspace, log, paths.name(log.dataset, number))
            else:
                version, _ = read_version(workspace, log.dataset, number)
            found = {name: (file.sha256, file.bytes) for name, file in version.files.items()}
            same = all(found.get(name) == expected[name] for name in (paths.MODEL, paths.MANIFEST))
            if found == expected or (same and registered and _includes(version, certificate)):
                verify.check(workspace, version)
                return version
    return None


def _includes(version: Version, wanted: Certificate | None) -> bool:
    """Return whether a version's certificate passed with all formats of another one."""
    if version.certificate is None or not version.certificate.passed:
        return False
    formats = {export.format for export in version.certificate.exports}
    return wanted is None or all(export.format in formats for export in wanted.exports)


def _copied(
    workspace: Workspace,
    log: EventLog,
    manifest: RunManifest,
    certificate: Certificate | None,
    sources: Sources,
) -> Version:
    """Create the version's folder with copies of all files and its `version.json`."""
    dataset = log.dataset
    registered = [parsed[1] for name in log.state.registered if (parsed := paths.parse(name))]
    number = max((*registered, *paths.numbers(workspace, dataset)), default=0) + 1
    place = paths.relative(dataset, number)
    workspace.check_room(sum(file.bytes for _, file in sources.values()), "The files of a version")
    replace = workspace.store is not None  # What the replica has without the store is worthless
    with files.new_folder(workspace.path(place), replace=replace) as folder:
        copies = {
            name: _copy(source, folder / name, record, f"{place}/{name}")
            for name, (source, record) in sources.items()
        }
        version = _version(manifest, certificate, number, copies)
        documents.write(folder / paths.VERSION, version)
        _push(workspace, folder, version)
    return version


def _push(workspace: Workspace, folder: Path, version: Version) -> None:
    """Reserve the number with `version.json`, then upload the files; an event makes them count."""
    if (store := workspace.store) is None:
        return
    own = f"{version.folder}/{paths.VERSION}"
    if not store.create(own, (folder / paths.VERSION).read_bytes()):
        raise OvertakenError(workspace, version.dataset)
    uploads = {file.path: folder / name for name, file in version.files.items()}
    transfer.push(store, uploads, replace=True)


def _version(
    manifest: RunManifest,
    certificate: Certificate | None,
    number: int,
    copies: dict[str, FileRecord],
) -> Version:
    files, evaluation = manifest.records.ingest, manifest.records.evaluate
    return Version(
        dataset=files.dataset,
        number=number,
        created=datetime.now(UTC),
        run_id=manifest.run_id,
        recipe=manifest.config.recipe,
        files=copies,
        weights_sha256=manifest.weights_sha256,
        holdout_sha256=holdout_sha256(files),
        accuracy=evaluation.accuracy,
        accuracy_interval=evaluation.accuracy_interval,
        balanced_accuracy=evaluation.balanced_accuracy,
        loss=evaluation.loss,
        parameters=manifest.records.build.parameters,
        class_names=files.class_names,
        image_shape=files.image_shape,
        resize=files.resize,
        white=files.white,
        profile=files.inspection.profiles.get("train") if files.inspection else None,
        certificate=certificate,
        calibration_error=evaluation.calibration.error if evaluation.calibration else None,
    )


def _copy(source: Path, target: Path, expected: FileRecord, path: str) -> FileRecord:
    """Copy a file, check the copy, and return its record."""
    files.make_folder(target.parent)
    try:
        same_size = source.stat().st_size == expected.bytes
        if same_size:
            shutil.copyfile(source, target)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(
            f"{source} is missing or not a file; train again, or restore it from a copy."
        ) from None
    if not same_size or digests.sha256(target) != expected.sha256:
        raise InputError(
            f"{source} was changed: expected {expected.bytes:,} bytes with SHA-256 "
            f"{expected.sha256}; restore it from a copy, or train again with --refresh."
        )
    return expected.model_copy(update={"path": path})
