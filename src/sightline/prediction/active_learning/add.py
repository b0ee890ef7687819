"""Take labelled images into the training split of an image-folder data set."""

import shlex
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

from pydantic import ValidationError

from sightline.data.locate import existing_path
from sightline.data.recognition import find_layout
from sightline.data.remote.remote_path import RemotePath
from sightline.errors import DataError, InputError
from sightline.prediction.active_learning import answers
from sightline.prediction.active_learning.answers import Answer, Answers
from sightline.prediction.active_learning.folder import class_folder
from sightline.prediction.active_learning.records import Added, AddedLabel
from sightline.storage import digests, files, locks
from sightline.storage.author import author
from sightline.storage.text import quoted

LOG = ".sightline-labels.jsonl"
"""The log in the data set; readers ignore hidden files."""

_LOCK = ".sightline-labels.lock"


def add(folder: Path, dataset: str, new_classes: Collection[str] = ()) -> Added:
    """Copy the labelled images of a folder into the class folders of a data set.

    Everything is checked before the first copy. Nothing is overwritten. Images that were added
    before are left as they are, also moved or deleted, so that the same call can be repeated.

    Args:
        folder: What `labels suggest` wrote.
        dataset: Path of an image folder with a folder for each class, split or not.
        new_classes: Classes that the data set does not have yet.

    Raises:
        InputError: The labels cannot be used; see `answers.read`. Or a class is new.
        DataError: The data set is no such folder.
        StorageError: The data set cannot be written.
    """
    root, train = _class_folders(dataset)
    found = answers.read(folder)
    _check_classes(found, train, new_classes)
    with files.storage_errors(root, "--dataset"), locks.alone(root / _LOCK, "labels add"):
        known = {one.sha256: one for one in read_log(root)}
        for one in found.labelled:
            earlier = known.get(one.sha256)
            if earlier and earlier.label != one.label:
                raise InputError(
                    f"{one.where}: {one.name} is {quoted(one.label)!r}, but it was added as "
                    f"{quoted(earlier.label)!r} at {earlier.time:%Y-%m-%d %H:%M} UTC; move "
                    f"{root / earlier.file} and correct {root / LOG} if that was wrong."
                )
        added: Counter[str] = Counter()
        removed = 0
        for one in found.labelled:
            if earlier := known.get(one.sha256):
                removed += not (root / earlier.file).exists()
                continue
            target = _target(train / one.label, one)
            if target.exists():
                _log(root, target, one, folder, found, known)  # a killed call may not have
                continue
            with files.new_file(target) as temporary:
                copyfile(one.path, temporary)
            _log(root, target, one, folder, found, known)
            added[one.label] += 1
    return Added(
        dataset=str(root),
        added=dict(sorted(added.items())),
        present=len(found.labelled) - sum(added.values()) - removed,
        removed=removed,
        unlabelled=found.unlabelled,
        command=shlex.join(["sightline", "train", "--dataset", dataset]),
    )


def read_log(root: Path) -> list[AddedLabel]:
    """Read the log of a data set; raise InputError if a line is damaged."""
    path = root / LOG
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            found.append(AddedLabel.model_validate_json(line))
        except ValidationError:
            raise InputError(
                f"{path}, line {number} is no entry of the log; remove the line."
            ) from None
    return found


def _class_folders(dataset: str) -> tuple[Path, Path]:
    """Return the folder of a data set, and the one that holds its training classes."""
    path = existing_path(dataset)
    if isinstance(path, RemotePath):
        raise DataError("Labels cannot be added to a URL; give the local path of the data set.")
    layout = find_layout(path)
    train = next(iter(layout.files), "")
    if layout.kind != "folder" or train in layout.tables:
        what = "a table or file names label its images" if layout.kind == "folder" else layout.kind
        raise DataError(
            f"{dataset} has no class folders ({what}), and labels can only be added to image "
            "folders with a folder for each class; add the files and labels to its tables yourself."
        )
    return path, layout.roots[train]


def _check_classes(found: Answers, train: Path, new_classes: Collection[str]) -> None:
    """Raise InputError for a label that is no class of the data set and not named as a new one."""
    known = {entry.name for entry in train.iterdir() if entry.is_dir()}
    for one in found.labelled:
        if class_folder(one.label) is None:
            raise InputError(f"{one.where}: {quoted(one.label)!r} cannot be the name of a folder.")
        if one.label not in known and one.label not in new_classes:
            shown = ", ".join(sorted(quoted(name) for name in known)[:20])
            raise InputError(
                f"{one.where}: {quoted(one.label)!r} ({one.name}) is no class of {train}, which "
                f"has {shown}; correct it, or give --new-class."
            )


def _target(folder: Path, one: Answer) -> Path:
    """Return where an image belongs; a file there is the same image."""
    path = folder / one.name
    if path.exists() and digests.difference(path, one.sha256) is not None:
        path = path.with_name(f"{path.stem}-{one.sha256[:12]}{path.suffix}")
        if path.exists() and digests.difference(path, one.sha256) is not None:
            raise InputError(f"{path} exists and is another image; rename it.")
    return path


def _log(
    root: Path,
    target: Path,
    one: Answer,
    folder: Path,
    found: Answers,
    known: dict[str, AddedLabel],
) -> None:
    """Append who gave which label when."""
    entry = AddedLabel(
        time=datetime.now(UTC),
        user=author(),
        file=target.relative_to(root).as_posix(),
        sha256=one.sha256,
        label=one.label,
        source=f"{folder.name}/{one.name}",
        model=found.record.model,
        model_sha256=found.record.model_sha256,
    )
    with (root / LOG).open("a", encoding="utf-8") as log:
        log.write(entry.model_dump_json() + "\n")
    known[one.sha256] = entry
