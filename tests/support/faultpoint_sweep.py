"""Kill a step at one file operation after another and check the result each time."""

import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import faultpoint_root as roots
from faultpoint import NONE, Fault, Outcome
from faultpoint_root import Pipeline

_NAMES = re.compile(r"[0-9a-f]{40}|\.[0-9a-f]{8}\.(?=tmp|aside)|\d{9}-[0-9a-f]{16}")


@dataclass(frozen=True)
class Point:
    """The Nth operation of a step: its kind and the name of its file."""

    at: int
    kind: str
    name: str


def points(outcome: Outcome, root: Path) -> list[Point]:
    """List the operations of an undisturbed trial; names omit keys and random parts."""
    return [
        Point(number, kind, _NAMES.sub("~", path.removeprefix(str(root)).removeprefix("/")))
        for number, (kind, path) in enumerate(outcome.operations, start=1)
    ]


def distinct(found: list[Point]) -> list[Point]:
    """Keep the first and the last of operations of one kind on one name."""
    last = {(point.kind, point.name): point for point in found}
    first = {(point.kind, point.name): point for point in reversed(found)}
    return sorted({*first.values(), *last.values()}, key=lambda point: point.at)


def sample(found: list[Point], count: int, seed: int) -> list[Point]:
    """Draw distinct operations, each kind at least once before any comes a second time."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    by_kind: dict[str, list[Point]] = {}
    for point in distinct(found):
        by_kind.setdefault(point.kind, []).append(point)
    drawn: list[Point] = []
    for kind in by_kind.values():
        rng.shuffle(kind)
    while len(drawn) < count and any(by_kind.values()):
        drawn += [kind.pop() for kind in by_kind.values() if kind]
    return sorted(drawn[:count], key=lambda point: point.at)


@dataclass
class Sweep:
    """One step on copies, in the folder `scratch`, of a complete root that lacks its result.

    With `refresh` the result exists and is replaced. `kept` counts the finished entries and runs
    found after all trials, `remade` those that were recomputed nevertheless.
    """

    pipeline: Pipeline
    complete: Path
    step: str
    scratch: Path
    refresh: bool = False
    kept: int = 0
    remade: int = 0

    def __post_init__(self) -> None:
        """Run the step undisturbed, once per session, for its operations and bytes."""
        root = self.fresh("undisturbed")
        self.before = roots.snapshot(root)
        known = self.pipeline.undisturbed
        question = (self.step, self.refresh)
        if question not in known:
            outcome = self.run(root)
            assert outcome.error is None, outcome.error
            known[question] = points(outcome, root), roots.results(root)
        self.points, self.expected = known[question]
        shutil.rmtree(root)

    def fresh(self, name: str) -> Path:
        """Copy the root for one trial."""
        missing = None if self.refresh else self.step
        return roots.copy(self.complete, self.scratch / f"{self.step}-{name}", without=missing)

    def run(self, root: Path, fault: Fault = NONE) -> Outcome:
        """Run the step once."""
        return self.pipeline.run(self.step, root, fault, refresh=self.refresh)

    def kill(self, point: Point) -> None:
        """Kill at a point, in the middle of a write; check, recover, check."""
        root = self.fresh(f"killed-{point.at}")
        assert self.run(root, Fault(point.at, "tear")).killed, f"survived {point}"
        self._check(root, point)

    def fail(self, point: Point, do: Literal["once", "on"], number: int) -> Outcome:
        """Let a point fail; check, recover, check; return the outcome.

        Some failures are harmless, such as that of a checkpoint: then all results exist.
        """
        root = self.fresh(f"{do}-{point.at}")
        outcome = self.run(root, Fault(point.at, do, number))
        assert not outcome.killed
        assert outcome.error or roots.results(root) == self.expected, point
        self._check(root, point)
        return outcome

    def _check(self, root: Path, point: Point) -> None:
        self._check_intact(root, point)
        patterns = ("cache/*/[!.]*/manifest.json", "runs/[!.]*/manifest.json")
        manifests = [path for pattern in patterns for path in root.glob(pattern)]
        before = {path: path.read_bytes() for path in manifests}
        again = self.run(root)
        if again.error is not None:
            assert again.error[0] == "RunExistsError", (point, again.error)
            assert (root / "runs" / "again").exists(), point
        self._check_intact(root, point)
        assert roots.results(root) == self.expected, point
        if not self.refresh:
            changed = [path for path, text in before.items() if path.read_bytes() != text]
            self.remade += len(changed)
            assert not changed, f"finished, but recomputed: {changed}"
        own = (f"cache/{self.step}/", "runs/")
        assert not [path for path in roots.leftovers(root) if path.startswith(own)], point
        self.kept += len(before)
        shutil.rmtree(root)

    def _check_intact(self, root: Path, point: Point) -> None:
        """Check that no final name has partial content and that earlier files are unchanged."""
        assert not roots.visible_damage(root), point
        after = roots.snapshot(root)
        lost = {path for path, digest in self.before.items() if after.get(path) != digest}
        assert not {path for path in lost if not path.startswith(f"cache/{self.step}/")}, point
