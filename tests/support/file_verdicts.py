"""Whether Sightline notices a change of a stored file, for every part of the artifacts root."""

from pathlib import Path

from declared_stages import STAGES
from sightline.pipeline import cache
from sightline.records import Run
from sightline.runs import pins, verify
from sightline.storage import locks
from sightline.storage.workspace import Workspace
from sightline.training.checkpoints import Checkpoints

_STAGES = {stage.name: stage for stage in STAGES}


def kind_of(path: Path, root: Path) -> str:
    """Describe a file by its folder and its content."""
    place = path.relative_to(root).parts[0]
    if path.name.endswith(".lock"):
        return "locks"
    if path.name == "manifest.json":
        return f"{place}: manifest"
    return place if place in {"pins", "checkpoints"} else f"{place}: {path.suffix.lstrip('.')}"


def may_be_missing(path: Path, root: Path) -> bool:
    """Return whether a missing file cannot be noticed: users may remove a pin."""
    return path.relative_to(root).parts[0] == "pins"


def is_noticed(path: Path, root: Path) -> bool:
    """Return whether a change of a file is noticed, or has no effect, as that of a lock."""
    parts = path.relative_to(root).parts
    if path.name.endswith(".lock"):
        with locks.alone_if_free(path) as free:
            return free
    match parts[0]:
        case "cache":
            return (
                cache.find(
                    Run(id="inspect", workspace=Workspace(root)), _STAGES[parts[1]], parts[2]
                )
                is None
            )
        case "runs":
            (verdict,) = verify.verify(Workspace(root), parts[1])
            return any(damage.path == "/".join(parts) for damage in verdict.damages)
        case "pins":
            pin = pins.read(Workspace(root), path.stem)
            return pin is not None and pin.pinned is None
        case "checkpoints":
            return _is_skipped(path, root)
    raise AssertionError(f"nothing checks {path}")


def _is_skipped(path: Path, root: Path) -> bool:
    """Return whether the checkpoints are read as if this one did not exist."""
    checkpoints = Checkpoints(Workspace(root), path.parent.name)
    found = checkpoints.newest()
    with_it = None if found is None else found.position.steps
    path.unlink(missing_ok=True)
    left = checkpoints.newest()
    return with_it == (None if left is None else left.position.steps)
