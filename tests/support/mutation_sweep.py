"""Changes stored files one at a time, and counts what is noticed, healed and silent."""

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
    """Counts by kind of file; what was silent, by path and change.

    Attributes:
        changed: Files changed.
        noticed: How many of these were refused or had no effect.
        healed: How many were rebuilt with the same bytes.
        silent: What nobody noticed.
    """

    changed: Counter[str] = field(default_factory=Counter)
    noticed: Counter[str] = field(default_factory=Counter)
    healed: Counter[str] = field(default_factory=Counter)
    silent: list[str] = field(default_factory=list)


def with_everything(pipeline: Pipeline, complete: Path, root: Path) -> Path:
    """Copy a complete root and add what an interrupted training and a pin leave."""
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
    pipeline: Pipeline, root: Path, count: int, seed: int, heal: int, slow: bool
) -> Iterator[Tally]:
    """Change files drawn by kind, one at a time, and bring each back afterwards.

    Args:
        pipeline: The steps.
        root: From `with_everything`; used up.
        count: How many changes.
        seed: Of all that is drawn.
        heal: Of so many noticed changes in the cache one is made good again.
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
            tally.noticed[kind] += 1
        else:
            tally.silent.append(f"{path.relative_to(root)}: {how}")
        if kind.startswith("cache") and tally.noticed[kind] % heal == 0:
            tally.healed[kind] += _heals(pipeline, path, root, expected, slow=slow)
        _restore(contents)
        yield tally


def _restore(contents: dict[Path, bytes]) -> None:
    """Write back what differs; a stage that was run again removes its checkpoints, too."""
    for path, content in contents.items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def _heals(
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
