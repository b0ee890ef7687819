"""List the folders of a data set and check their links."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sightline.data.remote.remote_path import RemotePath
from sightline.errors import DataError
from sightline.storage.workspace import LOCK

Entry = os.DirEntry[str] | RemotePath
Entries = list[Entry]

_MOST_FILES = 10_000
_CLUTTER = frozenset(
    {
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),
        *("__macosx", "icon\r", "lost+found"),
        *("@eadir", "#recycle"),  # Synology: thumbnails of the images beside it, deleted files
    }
)
"""What file systems, Windows, macOS and network storage put beside the files of a user."""


_ORIGIN = ":zone.identifier"  # Windows' note on the origin of a download, as copied to Linux


def list_folder(path: Path) -> Entries:
    """List a folder sorted by name, without hidden files, clutter of systems and artifacts."""
    if isinstance(path, RemotePath):
        kept: Entries = [entry for entry in path.iterdir() if _is_kept(entry.name)]
        return sorted(kept, key=lambda entry: entry.name)
    try:
        with os.scandir(path) as entries:
            kept = [entry for entry in entries if _is_kept(entry.name) and not _is_ours(entry)]
    except OSError as error:
        raise DataError(f"The folder {path} cannot be read: {error.strerror}.") from None
    return sorted(kept, key=lambda entry: entry.name)


def check_link(root: Path, entry: Entry) -> None:
    """Raise DataError for a link that leaves `root` or cannot be followed; dangling links pass."""
    if not entry.is_symlink():
        return
    try:
        entry.stat()
    except FileNotFoundError:
        pass
    except OSError as error:  # a loop, a path through a file, or a folder without permission
        raise DataError(
            f"{entry.path} is a link that cannot be followed ({error.strerror}); remove it or "
            "replace it with the file itself."
        ) from None
    if not Path(entry.path).resolve().is_relative_to(root.resolve()):
        raise DataError(
            f"{entry.path} is a link that leads out of {root}; replace it with the file itself."
        )


def with_suffix(path: Path, entries: Entries, suffix: str) -> tuple[Path, ...]:
    """Return the files directly in `path` with this suffix, in any case."""
    named = (entry for entry in entries if entry.name.lower().endswith(suffix))
    return tuple(path / entry.name for entry in named if entry.is_file())


def nested_files(path: Path) -> Iterator[str]:
    """Yield the names of the first 10,000 files below a folder, without hidden files and clutter.

    Links to folders are not followed.
    """
    if isinstance(path, RemotePath):
        names = path.files_below()
    else:
        names = (name for _, _, files in os.walk(path) for name in files)
    return islice((name for name in names if _is_kept(name)), _MOST_FILES)


def _is_kept(name: str) -> bool:
    folded = name.lower()
    return not (folded.startswith(".") or folded in _CLUTTER or folded.endswith(_ORIGIN))


def _is_ours(entry: os.DirEntry[str]) -> bool:
    """Return whether a folder holds artifacts of this project."""
    return entry.is_dir(follow_symlinks=False) and os.path.exists(Path(entry.path) / LOCK)
