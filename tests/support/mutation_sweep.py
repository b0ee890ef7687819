"""Changes stored files one at a time, and counts what is detected and rebuilt."""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import faultpoint_root as roots
from declared_stages import STAGES
from faultpoint import Fault
from faultpoint_root import Pipeline
from file_damage import damage
from sightline.experiments import pins, verify
from sightline.pipeline import cache
from sightline.records import Run
from sightline.storage import locks
from sightline.storage.workspace import Workspace
from sightline.training.checkpoints import Checkpoints


@dataclass
class Tally:
    """Counts by kind of file: changed, detected (or without effect), rebuilt with equal bytes.

    `undetected` lists the other changes by path and kind.
    """

    changed: Counter[str] = field(default_factory=Counter)
    detected: Counter[str] = field(default_factory=Counter)
    rebuilt: Counter[str] = field(default_factory=Counter)
    undetected: list[str] = field(default_factory=list)


def with_everything(pipeline: Pipeline, complete: Path, root: Path) -> Path:
    """Copy a complete root and add the checkpoints of an interrupted training and a pin."""
    roots.copy(complete, root)
    keep = roots.copy(complete, root.with_name("interrupted"), without="train")
    undisturbed = roots.copy(complete, root.with_name("undisturbed"), without="train")
    operations = pipeline.run("train", undisturbed).operations
    last = max(at for at, (_, path) in enumerate(operations, 1) if path.endswith("model.keras"))
    pipeline.run("train", keep, Fault(last, "kill"))
    shutil.copytree(keep / "checkpoints", root / "checkpoints", dirs_exist_ok=True)
    pins.pin(Workspace(root), "first", "in the paper")
    for used in (keep, undisturbed):
        shutil.rmtree(used)
    return root


_MADE_WITHIN = {"find_neighbors": "evaluate", "fit_reference": "evaluate", "draw_data": "report"}
"""Stages that others look up or make."""


def sweep(
    pipeline: Pipeline, root: Path, count: int, seed: int, rebuild: int, slow: bool
) -> Iterator[Tally]:
    """Change files drawn by kind, one at a time, and restore each afterwards.

    One in `rebuild` detected changes in the cache is rebuilt, except in steps of a second unless
    `slow`. The root is from `with_everything` and is used up.

    Yields:
        The tally, after each change.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    files: dict[str, list[Path]] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        files.setdefault(_kind_of(path.relative_to(root)), []).append(path)
    contents = {path: path.read_bytes() for paths in files.values() for path in paths}
    expected, tally = roots.results(root), Tally()
    for number in range(count):
        kind = sorted(files)[number % len(files)]
        path = rng.choice(files[kind])
        how = damage(path, rng, may_delete=kind != "pins")  # users may remove a pin
        tally.changed[kind] += 1
        if _is_noticed(path, root):
            tally.detected[kind] += 1
        else:
            tally.undetected.append(f"{path.relative_to(root)}: {how}")
        if kind.startswith("cache") and tally.detected[kind] % rebuild == 0:
            stage = path.relative_to(root).parts[1]
            step = _MADE_WITHIN.get(stage, stage)
            if slow or step not in roots.SLOW:
                outcome = pipeline.run(step, root)
                assert outcome.error is None, outcome.error
                assert "Rebuilding the damaged cache entry" in outcome.log
                assert roots.results(root) == expected
                tally.rebuilt[kind] += 1
        _restore(contents)
        yield tally


def _kind_of(path: Path) -> str:
    """Describe a file by its folder and its content."""
    place = path.parts[0]
    if path.name.endswith(".lock"):
        return "locks"
    if path.name == "manifest.json":
        return f"{place}: manifest"
    return place if place in {"pins", "checkpoints"} else f"{place}: {path.suffix.lstrip('.')}"


def _is_noticed(path: Path, root: Path) -> bool:
    """Return whether a change of a file is noticed, or has no effect, as that of a lock."""
    parts, workspace = path.relative_to(root).parts, Workspace(root)
    if path.name.endswith(".lock"):
        with locks.alone_if_free(path) as free:
            return free
    match parts[0]:
        case "cache":
            (stage,) = (stage for stage in STAGES if stage.name == parts[1])
            return cache.find(Run(id="inspect", workspace=workspace), stage, parts[2]) is None
        case "runs":
            (verdict,) = verify.verify(workspace, parts[1])
            return any(damage.path == "/".join(parts) for damage in verdict.damages)
        case "pins":
            pin = pins.read(workspace, path.stem)
            return pin is not None and pin.pinned is None
        case "checkpoints":  # read as if this one did not exist
            checkpoints = Checkpoints(workspace, path.parent.name)
            with_it = checkpoints.newest()
            path.unlink(missing_ok=True)
            without = checkpoints.newest()
            return (with_it and with_it.position) == (without and without.position)
    raise AssertionError(f"nothing checks {path}")


def _restore(contents: dict[Path, bytes]) -> None:
    """Write back what differs; a repeated stage also removes its checkpoints."""
    for path, content in contents.items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
