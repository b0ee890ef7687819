"""List the folders of a data set and check their links."""

import os
from pathlib import Path

from sightline.errors import DataError

Entries = list[os.DirEntry[str]]

_CLUTTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def list_folder(path: Path) -> Entries:
    """List a folder sorted by name, without hidden files and desktop clutter."""
    try:
        with os.scandir(path) as entries:
            kept = [
                entry
                for entry in entries
                if not entry.name.startswith(".") and entry.name.lower() not in _CLUTTER
            ]
    except OSError as error:
        raise DataError(f"The folder {path} cannot be read: {error.strerror}.") from None
    return sorted(kept, key=lambda entry: entry.name)


def check_link(root: Path, entry: os.DirEntry[str]) -> None:
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
