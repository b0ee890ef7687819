"""The files of a data set, as their format and their names tell."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

UNSPLIT = "unsplit"  # Name of the only split of a source that has no test split yet
LEFT_OUT = "Left out, "  # Start of every note on what was left out
FILE_KINDS = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "npz": r"(.+)\.npz",
        "parquet": r"(.+)\.parquet",
        "csv": r"(.+)\.csv",
        "tfrecord": r"(.+)\.tfrec(?:ords?)?(?:\.gz)?(?:-\d+-of-\d+)?|([^.]+)-\d{5}-of-\d{5}",
        "webdataset": r"(.+)\.(?:tar|tar\.gz|tgz)",
    }.items()
}
"""Formats of single files, and regular expressions of their names, whose groups are the stem.

No name is of two formats.
"""


class Detail(str):
    """A note on something that leaves the meaning of images, labels and splits as it was.

    The first screen of a report shows all other notes.
    """


SplitFiles = Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Layout:
    """The files of a data set."""

    kind: str  # Their format, a key of `readers.dispatch.READERS`
    path: Path  # The file or folder that the user named
    # "train" with "validation", "test" or both, or `UNSPLIT` alone, mapped to the files of that
    # split. IDX: images, then labels. Image folders: sorted by class, then by name.
    files: SplitFiles
    notes: tuple[str, ...] = ()  # Sentences about files that were left out
    left_out: Mapping[str, int] = field(default_factory=dict)  # Files of a folder by their ending
    # Image folders only: the folder of each split; and for each split whose images are not in
    # class folders, the table of their labels, or None if there is none
    roots: Mapping[str, Path] = field(default_factory=dict)
    tables: Mapping[str, Path | None] = field(default_factory=dict)
    # Files of class names beside files that number their classes, and dataset_info.json
    names: tuple[Path, ...] = ()

    def relative(self, file: Path) -> str:
        """Return a file's POSIX path within the data set."""
        if file in self.names:
            return file.name
        name, folder = str(file), f"{self.path}{os.sep}"
        if name.startswith(folder):  # in a tenth of the time that `relative_to` takes
            return name[len(folder) :].replace(os.sep, "/")
        return file.name if file == self.path else file.relative_to(self.path).as_posix()

    def shorten(self, name: str) -> str:
        """Return the name of an image for a note: without the folder of the data set.

        Notes are part of the result of ingest, which must not depend on where the data lie.
        """
        folder = self.path if self.path.is_dir() else self.path.parent
        return name.removeprefix(f"{folder}{os.sep}")


def kind_of(name: str) -> str | None:
    """Return the format of a single file by its name, in any case; None if it is unknown."""
    return next((kind for kind, names in FILE_KINDS.items() if names.fullmatch(name)), None)


def stem_of(name: str) -> str:
    """Return the name of a file of a known format without its ending; other names as they are."""
    found = next(filter(None, (names.fullmatch(name) for names in FILE_KINDS.values())), None)
    return next(filter(None, found.groups())) if found else name
