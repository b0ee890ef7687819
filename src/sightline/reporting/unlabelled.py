"""What the report says about the images without labels."""

from sightline.records.manifest import RunManifest

_MOST_CLASSES = 5


def describe(manifest: RunManifest) -> list[str]:
    """State how many images are predicted as which classes, and how they differ from training."""
    found = manifest.records.predict
    if found is None:
        return []
    counts = sorted(found.classes.items(), key=lambda one: -one[1])
    named = [f"{count:,} as “{name}”" for name, count in counts[:_MOST_CLASSES] if count]
    others = sum(count for _, count in counts[_MOST_CLASSES:])
    shares = ", ".join([*named, *([f"{others:,} as other classes"] if others else [])])
    are = "image without label is" if found.images == 1 else "images without labels are"
    return [f"{found.images:,} {are} predicted: {shares or 'none can be read'}.", *found.warnings]


def warning(manifest: RunManifest) -> str:
    """State how many of them could not be read; empty if all could."""
    found = manifest.records.predict
    if found is None or not found.failed:
        return ""
    return (
        f"{found.failed:,} of {found.images:,} images without labels could not be read; "
        f"{found.table.path.rpartition('/')[2]} has the reasons."
    )
