"""Recognize folders of images: class folders, or images that a table or their names label."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sightline.data.decoding import image_kinds
from sightline.data.decoding.image_kinds import is_image_entry
from sightline.data.folder import Entries, check_link, list_folder, nested_files, with_suffix
from sightline.data.labelling.image_table import find_table
from sightline.data.layout import UNSPLIT, Layout
from sightline.data.split_names import find_splits, split_of
from sightline.errors import DataError

KNOWN = (
    "known are one folder per class (cat/1.jpg, or train/cat/1.jpg and test/cat/1.jpg); a table "
    "metadata.csv, metadata.jsonl, labels.csv or train.csv with columns such as file_name and "
    "label, beside the images or one level up; and labels in the file names, with --set "
    r"'data.label_pattern=^(\w+)\.' for cat.0.jpg"
)
"""The layouts of image folders, for errors."""

_MAX_NAMES = 5
_ANNOTATIONS = frozenset({".txt", ".xml", ".json"})


@dataclass(frozen=True)
class _Scan:
    """What a folder holds that should have one folder per class."""

    folder: Path
    classes: dict[str, list[Path]]  # Images of each folder in it, at any depth, in order
    loose: list[Path]  # Images directly in it
    others: list[Path]  # Other files
    table: Path | None  # Table that may label the images

    @property
    def is_loose(self) -> bool:
        """Whether the images are labelled without class folders."""
        filled = sum(map(bool, self.classes.values()))
        return (bool(self.loose) and not filled) or (filled == 1 and self.table is not None)

    @property
    def images(self) -> tuple[Path, ...]:
        """The images, sorted by class and path."""
        nested = [path for found in self.classes.values() for path in found]
        return (*self.loose, *nested) if self.is_loose else tuple(nested)


def find_image_folders(path: Path, entries: Entries) -> Layout | None:
    """Recognize images in a folder, or in folders per split; None if there are none.

    Raises DataError if folders are named like splits and none is the training split.
    """
    folders = [entry.name for entry in entries if entry.is_dir()]
    names = find_splits(path, folders)
    for entry in entries:
        if entry.name in names.values():
            check_link(path, entry)
    is_split = "train" in names and any(
        entry.is_dir() or is_image_entry(entry) for entry in list_folder(path / names["train"])
    )
    if not (is_split or names) and _only_surrounds(path, entries, folders):
        return None
    splits = names if is_split else {UNSPLIT: ""}
    scans = {split: _scan(path, path / name, split) for split, name in splits.items()}
    if not any(scan.images for scan in scans.values()):
        return None
    if not is_split:
        scan = scans[UNSPLIT]
        if scan.is_loose and not scan.table and with_suffix(path, entries, ".csv"):
            return None  # the images illustrate the CSV file
        _check_not_splits(path, folders, scan)
    return _layout(path, scans, [name for name in folders if name not in names.values()])


def _only_surrounds(path: Path, entries: Entries, folders: list[str]) -> bool:
    """Return whether what a folder holds is no image, no table of labels and no class folder.

    Its only folder is no class folder. Beside a CSV file, folders are class folders only if there
    are images directly in one of them: a project's folders have images somewhere, too.
    """
    if any(map(is_image_entry, entries)) or find_table(path, path, ("train",)):
        return False
    if len(folders) == 1 or not with_suffix(path, entries, ".csv"):
        return len(folders) == 1
    return not any(is_image_entry(entry) for name in folders for entry in list_folder(path / name))


def left_out(names: list[str]) -> tuple[str, ...]:
    """Describe folders or files that hold no known split."""
    shown = ", ".join([*names[:_MAX_NAMES], "…"] if len(names) > _MAX_NAMES else names)
    return (f"Left out, as no known split: {shown}.",) if names else ()


def _layout(path: Path, scans: dict[str, _Scan], unknown: list[str]) -> Layout:
    notes = left_out(unknown) if UNSPLIT not in scans else ()
    if len(scans) == 1:
        scans = {UNSPLIT: next(iter(scans.values()))}
    beside = [path.name for scan in scans.values() if not scan.is_loose for path in scan.loose]
    if beside:
        notes += (f"Left out, as they lie beside the class folders: {len(beside):,} image(s).",)
    tables = {scan.table for scan in scans.values()}
    others = [file for scan in scans.values() for file in scan.others if file not in tables]
    annotations = _annotations(others, scans.values())
    if annotations:
        known = image_kinds.describe_kinds(image_kinds.count_kinds(annotations))
        notes += (f"Left out, as annotations of the images of the same names: {known}.",)
    kinds = image_kinds.count_kinds(sorted(set(others) - set(annotations)))
    notes += image_kinds.describe_left_out(kinds)
    return Layout(
        "folder",
        path,
        {split: scan.images for split, scan in scans.items()},
        notes,
        image_kinds.add_kinds(kinds, image_kinds.count_kinds(beside)),
        {split: scan.folder for split, scan in scans.items()},
        {split: scan.table for split, scan in scans.items() if scan.is_loose},
    )


def _annotations(others: Iterable[Path], scans: Iterable[_Scan]) -> list[Path]:
    """Return the files that describe the image of the same name beside them."""
    found = [file for file in others if file.suffix.lower() in _ANNOTATIONS]
    if not found:
        return []
    stems = {image.with_suffix("") for scan in scans for image in scan.images}
    return [file for file in found if file.with_suffix("") in stems]


def _check_not_splits(path: Path, folders: list[str], scan: _Scan) -> None:
    """Refuse folders that would become classes but are named like splits."""
    words = [split_of(word) for name in folders for word in (name, *name.split("_"))]
    kinds = {split for split in words if split}
    alone = kinds and all(map(split_of, folders))
    if scan.classes and not scan.is_loose and (alone or {"train", "test"} <= kinds):
        raise DataError(
            f"{path} has the folders {', '.join(folders[:_MAX_NAMES])}, named like splits, and no "
            f"training split that can be read; name the splits train, validation and test: {KNOWN}."
        )


def _scan(path: Path, folder: Path, split: str) -> _Scan:
    classes: dict[str, list[Path]] = {}
    loose: list[Path] = []
    others: list[Path] = []
    for entry in list_folder(folder):
        check_link(path, entry)
        if entry.is_dir():
            classes[entry.name], other = _images_below(path, folder / entry.name)
            others += other
        elif is_image_entry(entry):
            loose.append(folder / entry.name)
        else:
            others.append(folder / entry.name)
    names = ("train",) if split == UNSPLIT else (folder.name, split)
    has_table = loose or sum(map(bool, classes.values())) == 1
    table = find_table(path, folder, names) if has_table else None
    scan = _Scan(folder, classes, loose, others, table)
    empty = next((name for name, found in classes.items() if not found), None)
    if empty and split not in {"train", UNSPLIT} and not any(nested_files(folder / empty)):
        empty = None  # as if the folder were missing, which the data gate reports
    if empty and not scan.is_loose and scan.images:
        kinds = image_kinds.count_kinds(nested_files(folder / empty))
        raise DataError(
            f"The class folder {folder / empty} has no images (found "
            f"{image_kinds.describe_kinds(kinds) or 'nothing'}); add {image_kinds.IMAGES}, or "
            "remove the folder."
        )
    return scan


def _images_below(path: Path, folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the images in a class folder, at any depth, and other files."""
    images: list[Path] = []
    others: list[Path] = []
    pending, nested = [folder], None
    while pending:
        place = pending.pop()
        for entry in list_folder(place):
            check_link(path, entry)
            if entry.is_dir() and entry.is_symlink():
                raise DataError(
                    f"{entry.path} is a link to a folder below a class folder; replace it with "
                    "the folder."
                )
            if entry.is_dir():
                nested = nested or (split_of(entry.name) and entry.path)
                pending.append(place / entry.name)
            elif is_image_entry(entry):
                images.append(place / entry.name)
            else:
                others.append(place / entry.name)
    if images and nested:
        raise DataError(
            f"{nested} is named like a split, but lies in a folder that would be a class; give "
            f"the path of the folder that holds the splits, or move them: {KNOWN}."
        )
    # `parts` would stay in each path
    return sorted(images, key=lambda image: str(image).split(os.sep)), others
