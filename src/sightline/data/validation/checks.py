"""What the data gate measures: a number a check, and a sentence that says the same to people."""

from typing import NamedTuple

from sightline.data.validation import drift, findings
from sightline.data.validation.findings import Finding
from sightline.records import DatasetFiles, Inspection
from sightline.records.manifest import RunManifest
from sightline.storage.text import quoted
from sightline.storage.workspace import Workspace

_KINDS = {
    "blank": ("blank", "image", "blank"),
    "saturated": ("saturated", "image", "black or white almost everywhere"),
    "duplicates": ("duplicate", "image", "equal to an earlier one of the same split"),
    "leaks": ("leak", "test image", "equal to a training image"),
    "conflicting_labels": ("conflict", "image", "equal to one with another label"),
    "near_duplicates": ("near_duplicate", "image", "much like an earlier one of the same split"),
    "near_leaks": ("near_leak", "test image", "much like a training image"),
}
"""Check to its kind of finding, what may be concerned, and what is said of it."""

_NAMED = 5
"""How many classes a sentence names."""

_LONGEST_NAME = 40


class Measurement(NamedTuple):
    """What a check found.

    Attributes:
        value: In the unit of the check's limit; None where there was nothing to compare with.
        sentence: The same in words.
    """

    value: float | None
    sentence: str


def measure(
    workspace: Workspace, files: DatasetFiles, inspection: Inspection, earlier: RunManifest | None
) -> dict[str, Measurement]:
    """Measure everything that the gate has a limit for.

    Args:
        files: The ingested data set.
        inspection: What ingest found in it.
        earlier: The last run of the same data set, if it was inspected.

    Returns:
        Name of a check to its measure.
    """
    examples = findings.read_first(workspace.root / inspection.findings.path, 1)
    return {
        "missing_classes": _missing_classes(files),
        "imbalance": _imbalance(files),
        "drift": _drift(files, earlier),
        **{
            name: _share(files, inspection.affected[kind], subject, phrase, examples.get(kind, []))
            for name, (kind, subject, phrase) in _KINDS.items()
        },
    }


def percent(share: float) -> str:
    """Write a share with three significant digits, so that few of many are not 0%."""
    return f"{100 * share:.3g}%"


def _missing_classes(files: DatasetFiles) -> Measurement:
    missing = {
        name: [split for split, counts in files.counts.items() if not counts[number]]
        for number, name in enumerate(files.class_names)
    }
    named = [f"{_name(name)} ({', '.join(splits)})" for name, splits in missing.items() if splits]
    if not named:
        return Measurement(0, "Every class has images in every split.")
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    listed = ", ".join(named[:_NAMED]) + more
    return Measurement(
        len(named),
        f"{len(named)} of {len(files.class_names)} classes lack images in a split: {listed}.",
    )


def _imbalance(files: DatasetFiles) -> Measurement:
    counts = files.counts["train"]
    (most, largest), (fewest, smallest) = (
        pick(zip(counts, files.class_names, strict=True), key=lambda one: one[0])
        for pick in (max, min)
    )
    if most == fewest:
        return Measurement(0, f"Every class of the training split has {most:,} images.")
    short = 1 - fewest / most
    return Measurement(
        short,
        f"Of the training images, the largest class, {_name(largest)}, has {most:,}, the "
        f"smallest, {_name(smallest)}, {fewest:,}: {percent(short)} less.",
    )


def _share(
    files: DatasetFiles,
    affected: dict[str, int],
    subject: str,
    phrase: str,
    examples: list[Finding],
) -> Measurement:
    """Measure the share of affected images in the split with the largest share."""
    sizes = {split: images.shape[0] for split, images in files.images.items()}
    counted = [
        f"{count:,} of {sizes[split]:,} {split} images ({percent(count / sizes[split])})"
        for split, count in affected.items()
        if count
    ]
    if not counted:
        return Measurement(0, f"No {subject} is {phrase}.")
    verb = "is" if sum(affected.values()) == 1 else "are"
    such = f", such as {_described(files, examples[0])}" if examples else ""
    return Measurement(
        max(count / sizes[split] for split, count in affected.items()),
        f"{' and '.join(counted)} {verb} {phrase}{such}.",
    )


def _drift(files: DatasetFiles, earlier: RunManifest | None) -> Measurement:
    if earlier is None:
        return Measurement(None, "There is no earlier run of this data set to compare with.")
    before = earlier.records.ingest
    if before.labels.sha256 == files.labels.sha256:
        return Measurement(0, f"The images and labels are those of run {earlier.run_id}.")
    found = drift.largest(before, files)
    return Measurement(
        round(found.value, 4),
        f"Since run {earlier.run_id}, {found.subject} moved most, by a population stability "
        f"index of {found.value:.3g}.",
    )


def _described(files: DatasetFiles, finding: Finding) -> str:
    """Name an image, and the other one where there is one."""
    return " and ".join(
        f"{place.split} {place.index} ({_name(files.class_names[place.label])})"
        for place in (finding.image, finding.other)
        if place
    )


def _name(class_name: str) -> str:
    return f"“{quoted(class_name, _LONGEST_NAME)}”"
