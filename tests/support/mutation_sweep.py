"""Changes stored files one at a time, and counts what is detected and rebuilt."""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import faultpoint_root as roots
from faultpoint import Fault
from faultpoint_root import Pipeline
from file_damage import damage
from file_verdicts import is_noticed, kind_of, may_be_missing
from sightline.runs import pins
from sightline.storage.workspace import Workspace


@dataclass
class Tally:
    """Counts by kind of file; what was undetected by path and change.

    Attributes:
        changed: Files changed.
        detected: Number of these that were refused or had no effect.
        rebuilt: Number of files rebuilt with the same bytes.
        undetected: What stayed undetected.
    """

    changed: Counter[str] = field(default_factory=Counter)
    detected: Counter[str] = field(default_factory=Counter)
    rebuilt: Counter[str] = field(default_factory=Counter)
    undetected: list[str] = field(default_factory=list)


def with_everything(pipeline: Pipeline, complete: Path, root: Path) -> Path:
    """Copy a complete root and add the checkpoints of an interrupted training and a pin."""
    roots.copy(complete, root)
    keep = root.with_name("interrupted")
    roots.copy(complete, keep, without="train")
    undisturbed = roots.copy(complete, root.with_name("undisturbed"), without="train")
    operations = pipeline.run("train", undisturbed).operations
    last = max(at for at, (_, path) in enumerate(operations, 1) if path.endswith("model.keras"))
    pipeline.run("train", keep, Fault(last, "kill"))
    shutil.copytree(keep / "checkpoints", root / "checkpoints", dirs_exist_ok=True)
    pins.pin(Workspace(root), "first", "in the paper")
    for used in (keep, undisturbed):
        shutil.rmtree(used)
    return root


def sweep(
    pipeline: Pipeline, root: Path, count: int, seed: int, rebuild: int, slow: bool
) -> Iterator[Tally]:
    """Change files drawn by kind, one at a time, and restore each afterwards.

    Args:
        pipeline: The steps.
        root: From `with_everything`; used up.
        count: Number of changes.
        seed: Seed of all random choices.
        rebuild: Of this many detected changes in the cache one is rebuilt.
        slow: Whether steps of a second are among these.

    Yields:
        The tally, after each change.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    files: dict[str, list[Path]] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        files.setdefault(kind_of(path, root), []).append(path)
    contents = {path: path.read_bytes() for paths in files.values() for path in paths}
    expected, tally = roots.results(root), Tally()
    for number in range(count):
        kind = sorted(files)[number % len(files)]
        path = rng.choice(files[kind])
        how = damage(path, rng, may_delete=not may_be_missing(path, root))
        tally.changed[kind] += 1
        if is_noticed(path, root):
            tally.detected[kind] += 1
        else:
            tally.undetected.append(f"{path.relative_to(root)}: {how}")
        if kind.startswith("cache") and tally.detected[kind] % rebuild == 0:
            tally.rebuilt[kind] += _rebuilds(pipeline, path, root, expected, slow=slow)
        _restore(contents)
        yield tally


def _restore(contents: dict[Path, bytes]) -> None:
    """Write back what differs; a repeated stage also removes its checkpoints."""
    for path, content in contents.items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def _rebuilds(
    pipeline: Pipeline, path: Path, root: Path, expected: dict[str, str], *, slow: bool
) -> bool:
    step = path.relative_to(root).parts[1]
    if step in roots.SLOW and not slow:
        return False
    outcome = pipeline.run(step, root)
    assert outcome.error is None, outcome.error
    assert "Rebuilding the damaged cache entry" in outcome.log
    assert roots.results(root) == expected
    return True
