"""Checks run folders against the digests in their manifests."""

from collections.abc import Iterator
from pathlib import Path

from sightline import files, runs
from sightline.errors import InputError
from sightline.records import FileRecord, Record


class Damage(Record):
    """One thing that is wrong: POSIX path relative to the root, what was expected and found."""

    path: str
    expected: str
    found: str


class Verdict(Record):
    """What was found in one run folder.

    Attributes:
        run_id: The folder's name.
        files: How many files were checked, the manifest among them.
        bytes: Their size.
        damages: What is wrong; empty where the folder is as it was published.
    """

    run_id: str
    files: int
    bytes: int
    damages: tuple[Damage, ...]


def verify(root: Path, run: str | None = None) -> list[Verdict]:
    """Read every file of run folders and compare digests.

    Args:
        root: The artifacts root.
        run: The run's id, the first characters of it, or "latest"; all runs unless told.

    Returns:
        One verdict a folder, by name.

    Raises:
        InputError: No such run, or several that begin so.
    """
    if run is None:
        return [_judge(root, name) for name in _folders(root)]
    # A folder without a manifest is no run to others; here it is one that is damaged.
    return [_judge(root, run if run in _folders(root) else runs.find(root, run))]


def _folders(root: Path) -> list[str]:
    folder = root / "runs"
    if not folder.is_dir():
        return []
    return sorted(
        path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _judge(root: Path, name: str) -> Verdict:
    folder = runs.folder(root, name)
    try:
        expected = runs.read_folder(folder).files
    except InputError as error:
        found = str(error).removeprefix(f"{folder / runs.MANIFEST} ")
        expected, damages = {}, [_damage(name, runs.MANIFEST, "a manifest", found)]
    else:
        damages = [*_damaged(name, folder, expected), *_unexpected(name, folder, expected)]
    checked = [folder / runs.MANIFEST, *(folder / file for file in expected)]
    size = sum(files.size(path) for path in checked)
    return Verdict(run_id=name, files=len(checked), bytes=size, damages=tuple(damages))


def _damaged(name: str, folder: Path, expected: dict[str, FileRecord]) -> Iterator[Damage]:
    for file, record in expected.items():
        try:
            digest = files.sha256(folder / file)
        except OSError as error:
            yield _damage(name, file, f"SHA-256 {record.sha256}", str(error.strerror))
        else:
            if digest != record.sha256:
                yield _damage(name, file, f"SHA-256 {record.sha256}", f"SHA-256 {digest}")


def _unexpected(name: str, folder: Path, expected: dict[str, FileRecord]) -> Iterator[Damage]:
    for path in sorted(folder.iterdir()):
        if path.name not in expected and path.name != runs.MANIFEST:
            yield _damage(name, path.name, "nothing", "a file that is not in the manifest")


def _damage(name: str, file: str, expected: str, found: str) -> Damage:
    return Damage(path=f"runs/{name}/{file}", expected=expected, found=found)
