"""Lists folders: leaves clutter out and refuses links that lead elsewhere."""

import os
from pathlib import Path

from sightline.errors import DataError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp"})
_CLUTTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def visible(path: Path) -> list[os.DirEntry[str]]:
    """List a folder by name, without hidden files and what desktops leave behind.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with os.scandir(path) as entries:
            kept = [entry for entry in entries if not _is_clutter(entry.name)]
    except OSError as error:
        raise DataError(f"The folder {path} cannot be read: {error.strerror}.") from None
    return sorted(kept, key=lambda entry: entry.name)


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _CLUTTER


def named(path: Path, entries: list[os.DirEntry[str]], suffix: str) -> tuple[Path, ...]:
    """Return those entries of the folder `path` that are files ending in `suffix`, in any case."""
    return tuple(
        path / entry.name
        for entry in entries
        if entry.name.lower().endswith(suffix) and entry.is_file()
    )


def class_folders(root: Path, folder: Path) -> tuple[tuple[Path, ...], int]:
    """List the images of `<class>/*`, sorted by class and name.

    Args:
        root: The data set; no link may lead out of it.
        folder: The folder that holds the class folders.

    Returns:
        The images, and how many other entries lie beside them.

    Raises:
        DataError: A link leads out of `root`, or only some class folders hold images.
    """
    images: list[Path] = []
    empty: list[str] = []
    others = 0
    for entry in visible(folder):
        refuse_way_out(root, entry)
        if not entry.is_dir():
            continue
        inside = visible(folder / entry.name)
        found = [item for item in inside if _is_image(root, item)]
        images.extend(folder / entry.name / item.name for item in found)
        others += len(inside) - len(found)
        if not found:
            empty.append(entry.name)
    if images and empty:
        raise DataError(
            f"The class folder {folder / empty[0]} holds no PNG, JPEG or BMP image; add some or "
            "remove it."
        )
    return tuple(images), others


def _is_image(root: Path, entry: os.DirEntry[str]) -> bool:
    refuse_way_out(root, entry)
    return Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and entry.is_file()


def refuse_way_out(root: Path, entry: os.DirEntry[str]) -> None:
    """Refuse a link that leads out of the data set, or that cannot be followed.

    Args:
        root: The data set.
        entry: Anything below it.

    Raises:
        DataError: It is such a link; one to nothing is none.
    """
    if not entry.is_symlink():
        return
    try:
        entry.stat()
    except FileNotFoundError:
        pass
    except OSError as error:  # it leads to itself, through a file, or where nobody may look
        raise DataError(
            f"{entry.path} is a link that cannot be followed ({error.strerror}); remove it, or put "
            "the file itself there."
        ) from None
    if not Path(entry.path).resolve().is_relative_to(root.resolve()):
        raise DataError(
            f"{entry.path} is a link that leads out of {root}; put the file itself there."
        )
