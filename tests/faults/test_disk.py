"""A disk that is full, read-only or broken."""

import errno
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Literal

import pytest

import faultpoint_root as roots
from command import Command, Completed
from examples import write_npz
from faultpoint import Fault, Outcome, library
from faultpoint_root import Finished
from faultpoint_sweep import Sweep, sample
from refusal import check_refused

pytestmark = pytest.mark.campaign

BIN = Path(sys.executable).parent
FULL = re.compile(r"is full, [\d,]+ bytes are free; free up space, or choose another folder")
NO_ROOM = re.compile(r"need [\d,]+ bytes under .*, but only 4,096 are free; free up space")


every_step = pytest.mark.parametrize("step", roots.STEPS)


def check_message(outcome: Outcome, kind: str, expected: re.Pattern[str]) -> None:
    assert outcome.error is not None
    assert outcome.error[0] == kind, outcome.error
    assert expected.search(outcome.error[1]), outcome.error
    assert outcome.exit_code == 2


@every_step
def test_step_without_room_is_refused_before_it_begins(
    finished: Finished, tmp_path: Path, step: str
) -> None:
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root", without=step)
    before = roots.snapshot(copy)
    outcome = pipeline.run(step, copy, Fault(free=4096))
    check_message(outcome, "StorageError", NO_ROOM)
    assert "write" not in {kind for kind, _ in outcome.operations}
    assert roots.snapshot(copy) == before
    assert roots.leftovers(copy) == []


@every_step
def test_disk_that_fills_up_in_a_step_costs_nothing_that_was_there(
    finished: Finished, tmp_path: Path, step: str
) -> None:
    swept = Sweep(*finished, step, tmp_path, {})
    outcomes = fail_at_some(swept, 3 if step in roots.SLOW else 6, errno.ENOSPC, seed=33)
    for outcome in outcomes:
        check_message(outcome, "StorageError", FULL)


@every_step
def test_error_of_the_storage_costs_nothing_that_was_there(
    finished: Finished, tmp_path: Path, step: str
) -> None:
    swept = Sweep(*finished, step, tmp_path, {})
    said = re.compile(r"did not respond as expected \(.*\)\. .*: run again")
    for outcome in fail_at_some(swept, 2 if step in roots.SLOW else 5, errno.EIO, seed=36):
        check_message(outcome, "BusyStorageError", said)


def fail_at_some(swept: Sweep, count: int, number: int, seed: int) -> list[Outcome]:
    """Let some operations fail, in turn once and from then on; return what ended with an error."""
    modes: cycle[Literal["once", "on"]] = cycle(["on", "once"])
    chosen = sample([point for point in swept.points if point.kind != "remove"], count, seed)
    outcomes = [swept.fail(point, do, number) for point, do in zip(chosen, modes, strict=False)]
    failed = [outcome for outcome in outcomes if outcome.error]
    assert failed
    return failed


@every_step
def test_read_only_cache_is_refused_with_its_path(
    finished: Finished, tmp_path: Path, step: str
) -> None:
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root", without=step)
    outcome = pipeline.run(step, copy, Fault(1, "on", errno.EROFS))
    place = "runs" if step == "publish" else f"cache/{step}"
    check_message(outcome, "StorageError", re.compile(rf"{copy}/{place}.* cannot be used \(Read-"))
    assert not roots.visible_damage(copy)


@dataclass
class Machine:
    """Runs `sightline train` where the artifacts root, or its cache, lies on a bad disk."""

    environment: dict[str, str]
    artifacts: Path
    data: Path

    @property
    def command(self) -> list[str]:
        """Train a tiny network on the data."""
        asked = ["--dataset", str(self.data), "--artifacts", str(self.artifacts)]
        return [str(BIN / "sightline"), "train", "--recipe", "quickstart", *asked]

    def run_mounted(self, mount: str, place: Path) -> Completed | None:
        """Mount something at a place, for this command alone; None where that is forbidden.

        What lies under the root at the end is then the content of the file `listing`.
        """
        shell = ["unshare", "--mount", "--user", "--map-root-user", "sh", "-c"]
        before = f"{mount.format(place=shlex.quote(str(place)))} || exit 99"
        here = shlex.quote(str(self.artifacts))
        after = f"code=$?; find {here} -type f | sort > {here}.listing; exit $code"
        script = f"{before}; {shlex.join(self.command)}; {after}"
        try:
            done = self._run([*shell, script], {})
        except FileNotFoundError:
            return None
        return None if done.returncode in {1, 99} and "rror" not in done.stderr else done

    def run_under(self, root: Path, fault: Fault, **changes: str) -> Completed:
        """Let all file operations below a root fail."""
        return self._run(self.command, fault.environment(library(), root) | changes)

    @property
    def listing(self) -> list[str]:
        """Files under the root at the end of the mounted command, but for locks."""
        paths = self.artifacts.with_name("artifacts.listing").read_text().splitlines()
        return [path for path in paths if not path.endswith(".lock")]

    def _run(self, command: list[str], changes: dict[str, str]) -> Completed:
        return subprocess.run(
            command,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(environment: dict[str, str], tmp_path: Path) -> Machine:
    artifacts = tmp_path / "artifacts"
    (artifacts / "cache" / "ingest").mkdir(parents=True)
    return Machine(environment, artifacts, tmp_path / "textures.npz")


FULL_DISK = Fault(1, "on", errno.ENOSPC)


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        pytest.param(8_000, "The images need 1,152,000 bytes under ", id="too-many-images"),
        pytest.param(5_500, "artifacts is full, ", id="full-in-the-middle"),
    ],
)
def test_disk_of_one_megabyte_is_refused_by_the_command(
    machine: Machine, examples: int, expected: str
) -> None:
    write_npz(machine.data, train=examples - 1_000, test=1_000)
    old = machine.artifacts / "old"
    mount = f"mount -t tmpfs -o size=1m none {{place}} && echo old > {shlex.quote(str(old))}"
    done = machine.run_mounted(mount, machine.artifacts)
    if done is None:  # a machine without mounts has the fault point
        check_refused(machine.run_under(machine.artifacts, FULL_DISK), "is full, ", "free up space")
        return
    check_refused(done, expected, "free", "free up space, or choose another folder")
    assert machine.listing == [str(old)]


def test_cache_mounted_read_only_is_refused_by_the_command(machine: Machine) -> None:
    write_npz(machine.data, train=32, test=16)
    cache = machine.artifacts / "cache"
    done = machine.run_mounted(
        "mount --bind {place} {place} && mount -o remount,ro,bind {place}", cache
    )
    done = done or machine.run_under(cache, Fault(1, "on", errno.EROFS))
    check_refused(done, str(cache / "ingest"), "Read-only file system", "choose another folder")


def test_error_of_the_storage_is_refused_by_the_command(machine: Machine) -> None:
    write_npz(machine.data, train=32, test=16)
    done = machine.run_under(machine.artifacts / "cache", Fault(1, "on", errno.EIO))
    check_refused(done, str(machine.artifacts), "Input/output error", "run again")


def test_disk_that_is_full_for_the_model_is_refused_by_the_command(
    machine: Machine, served: Command
) -> None:
    write_npz(machine.data, train=32, test=16)
    place, url = machine.artifacts / "cache" / "train", served.url  # type: ignore[attr-defined]
    done = machine.run_under(place, FULL_DISK, PREFECT_API_URL=url)
    check_refused(done, f"{machine.artifacts} is full, ", "free up space")
    assert roots.leftovers(machine.artifacts) == []
    assert not roots.visible_damage(machine.artifacts)
