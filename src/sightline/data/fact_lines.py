"""What is known of a data set, in a few lines for people."""

from sightline.data.estimate import Estimate
from sightline.data.layout import LEFT_OUT
from sightline.records import DatasetFacts

_MOST_CLASSES = 8
_MINUTE = 60.0
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_RESIZED = {
    "stretch": "stretched to this size",
    "crop": "cropped to this shape",
    "letterbox": "with black bars",
}


def lines(facts: DatasetFacts, estimate: Estimate | None = None) -> dict[str, str]:
    """Describe a data set: titles and sentences, in the order in which they are read."""
    found = {
        "Data": describe_splits(facts),
        "Labels": describe_labels(facts),
        "Images": describe_images(facts),
        "Left out": describe_left_out(facts),
    }
    return found if estimate is None else {**found, "Estimate": describe_estimate(estimate)}


def describe_splits(facts: DatasetFacts) -> str:
    """State the format, and where each split comes from."""
    parts = []
    for name, counts in facts.counts.items():
        place = facts.places.get(name) or ("set aside at random" if name == "test" else "")
        parts.append(f"{name}: {sum(counts):,}{f' ({place})' if place else ''}")
    return f"{facts.format or 'images'}; {', '.join(parts)}"


def describe_labels(facts: DatasetFacts) -> str:
    """State where the labels are, and the first classes in their order."""
    names = facts.class_names
    shown = ", ".join(names[:_MOST_CLASSES])
    more = f" and {len(names) - _MOST_CLASSES:,} more" if names[_MOST_CLASSES:] else ""
    return f"{facts.label_source or 'labels'}: {len(names):,} classes in this order: {shown}{more}"


def describe_images(facts: DatasetFacts) -> str:
    """State the size and color of the images, and how others were brought to it."""
    height, width, channels = facts.image_shape
    kind = "grayscale" if channels == 1 else "RGB"
    return f"{height}x{width} pixels, {kind}; images of another size are {_RESIZED[facts.resize]}"


def describe_left_out(facts: DatasetFacts) -> str:
    """State what was left out, and why."""
    reasons = [note.removeprefix(LEFT_OUT).removesuffix(".") for note in left_out(facts)]
    return "; ".join(reasons) or "nothing"


def left_out(facts: DatasetFacts) -> tuple[str, ...]:
    """Return the notes on what was left out."""
    return tuple(note for note in facts.notes if note.startswith(LEFT_OUT))


def other_decisions(facts: DatasetFacts) -> tuple[str, ...]:
    """Return the decisions that `lines` do not state."""
    return tuple(note for note in facts.decisions if not note.startswith(LEFT_OUT))


def describe_estimate(estimate: Estimate) -> str:
    """State what the run takes on disk and in time."""
    size = readable_bytes(estimate.ingest_bytes + estimate.training_bytes)
    times = []
    if estimate.ingest_seconds:
        times.append(f"{readable_time(estimate.ingest_seconds)} for ingest")
    if estimate.training_seconds is not None:
        times.append(f"{readable_time(estimate.training_seconds)} for all else")
    elif not times:
        times.append("time unknown for this network")
    cached = "" if estimate.ingest_seconds else " (ingest is cached)"
    return f"{size} on disk{cached}; on two idle CPU cores, {' and '.join(times)}"


def readable_bytes(size: float) -> str:
    """Write a size in the largest fitting unit, such as "1.5 GiB"."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:  # noqa: PLR2004
        size, unit = size / 1024, unit + 1
    return f"{size:.3g} {_UNITS[unit]}"


def readable_time(seconds: float) -> str:
    """Write a time as an estimate: "a few seconds", "40 seconds", "12 minutes" or "3.5 hours"."""
    if seconds < 5:  # noqa: PLR2004
        return "a few seconds"
    if seconds < 1.5 * _MINUTE:
        return f"{round(seconds, -1):.0f} seconds"
    if seconds < 90 * _MINUTE:
        return f"{seconds / _MINUTE:.0f} minutes"
    return f"{seconds / 3600:.2g} hours"
