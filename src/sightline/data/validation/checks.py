"""Measure what the data gate checks: one number per check, and a sentence that explains it."""

from typing import NamedTuple

from sightline.data.decoding.image_kinds import describe_kinds
from sightline.data.holdout import same_examples
from sightline.data.validation.drift import largest_drift, same_form
from sightline.data.validation.findings import Finding, read_findings
from sightline.records import DatasetFiles, Inspection
from sightline.records.manifest import RunManifest
from sightline.storage.text import quoted
from sightline.storage.workspace import Workspace

# Check to its kind of finding, the images it applies to, and their description
_FINDINGS = {
    "blank": ("blank", "image", "blank"),
    "saturated": ("saturated", "image", "almost entirely black or white"),
    "duplicates": ("duplicate", "image", "equal to an earlier one of the same split"),
    "leaks": ("leak", "test image", "equal to a training or validation image"),
    "conflicting_labels": ("conflict", "image", "equal to one with another label"),
    "near_duplicates": ("near_duplicate", "image", "similar to an earlier one of the same split"),
    "near_leaks": ("near_leak", "test image", "similar to a training image"),
}
_MAX_CLASSES = 5
_MAX_NAME = 40


class Measurement(NamedTuple):
    """Result of a check."""

    # In the unit of the check's limit; None if there was nothing to compare with
    value: float | None
    sentence: str  # The same in words


def measure(
    workspace: Workspace, files: DatasetFiles, inspection: Inspection, last_run: RunManifest | None
) -> dict[str, Measurement]:
    """Return the measurement of every check by name; `last_run` must have been inspected."""
    examples = read_findings(workspace.root / inspection.findings.path, 1)
    return {
        "left_out": _left_out(files),
        "unreadable": _unreadable(files),
        "missing_classes": _missing_classes(files),
        "imbalance": _imbalance(files),
        "drift": _drift(files, last_run),
        **{
            name: _share(files, inspection.affected[kind], subject, phrase, examples.get(kind, []))
            for name, (kind, subject, phrase) in _FINDINGS.items()
        },
    }


def percent(share: float) -> str:
    """Format a share with three significant digits, so that small shares are not 0%."""
    return f"{100 * share:.3g}%"


def _left_out(files: DatasetFiles) -> Measurement:
    count = sum(files.left_out.values())
    if not count:
        return Measurement(0, "No file was left out.")
    total = count + sum(images.shape[0] for images in files.images.values())
    were = "was" if count == 1 else "were"
    return Measurement(
        count / total,
        f"{count:,} of {total:,} files ({percent(count / total)}) {were} left out: "
        f"{describe_kinds(files.left_out)}.",
    )


def _unreadable(files: DatasetFiles) -> Measurement:
    count = files.unreadable
    if not count:
        return Measurement(0, "No image was left out as unreadable.")
    total = count + sum(images.shape[0] for images in files.images.values())
    return Measurement(
        count / total,
        f"{count:,} of {total:,} images ({percent(count / total)}) could not be read and were left "
        "out.",
    )


def _missing_classes(files: DatasetFiles) -> Measurement:
    missing = {
        name: [split for split, counts in files.counts.items() if not counts[number]]
        for number, name in enumerate(files.class_names)
    }
    named = [f"{_name(name)} ({', '.join(splits)})" for name, splits in missing.items() if splits]
    if not named:
        return Measurement(0, "Every class has images in every split.")
    more = f" and {len(named) - _MAX_CLASSES} more" if len(named) > _MAX_CLASSES else ""
    return Measurement(
        len(named),
        f"{len(named)} of {len(files.class_names)} classes have no images in a split: "
        f"{', '.join(named[:_MAX_CLASSES])}{more}.",
    )


def _imbalance(files: DatasetFiles) -> Measurement:
    counts = files.counts["train"]
    most, fewest = max(counts), min(counts)
    if most == fewest:
        return Measurement(0, f"Every class of the training split has {most:,} images.")
    short = 1 - fewest / most
    largest, smallest = (_name(files.class_names[counts.index(one)]) for one in (most, fewest))
    return Measurement(
        short,
        f"The largest training class, {largest}, has {most:,} images; the smallest, {smallest}, "
        f"has {fewest:,}: {percent(short)} less.",
    )


def _share(
    files: DatasetFiles,
    affected: dict[str, int],
    subject: str,
    phrase: str,
    examples: list[Finding],
) -> Measurement:
    """Measure the share of affected images, in the split where it is largest."""
    sizes = {split: images.shape[0] for split, images in files.images.items()}
    counted = [
        f"{count:,} of {sizes[split]:,} {split} images ({percent(count / sizes[split])})"
        for split, count in affected.items()
        if count
    ]
    if not counted:
        return Measurement(0, f"No {subject} is {phrase}.")
    verb = "is" if sum(affected.values()) == 1 else "are"
    such = f", such as {_describe(files, examples[0])}" if examples else ""
    return Measurement(
        max(count / sizes[split] for split, count in affected.items()),
        f"{' and '.join(counted)} {verb} {phrase}{such}.",
    )


def _drift(files: DatasetFiles, last_run: RunManifest | None) -> Measurement:
    if last_run is None:
        return Measurement(None, "There is no earlier run of this data set to compare with.")
    before = last_run.records.ingest
    if same_examples(before, files):
        return Measurement(0, f"Images and labels are those of run {last_run.run_id}.")
    index, subject = largest_drift(before, files)
    sentence = (
        f"Since run {last_run.run_id}, {subject} changed most: population stability index "
        f"{index:.3g}."
    )
    if not same_form(before, files):
        sentence += (
            " Pixels and brightness are not compared, since data.image_size, resize, channels "
            "or white changed."
        )
    return Measurement(round(index, 4), sentence)


def _describe(files: DatasetFiles, finding: Finding) -> str:
    return " and ".join(
        f"{place.split} {place.index} ({_name(files.class_names[place.label])})"
        for place in (finding.image, finding.other)
        if place
    )


def _name(class_name: str) -> str:
    return f"“{quoted(class_name, _MAX_NAME)}”"
