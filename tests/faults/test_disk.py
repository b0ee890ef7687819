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
from command import Completed
from examples import write_npz
from faultpoint import Fault, Outcome, library
from faultpoint_root import Finished
from faultpoint_sweep import Sweep, sample
from refusal import check_refused

pytestmark = pytest.mark.campaign

BIN = Path(sys.executable).parent
FULL = re.compile(r"full, [\d,]+ bytes .*free up space")
NO_ROOM = re.compile(r"4,096 .*free up space")


every_step = pytest.mark.parametrize("step", roots.STEPS)


def check_message(outcome: Outcome, kind: str, expected: re.Pattern[str]) -> None:
    assert outcome.error is not None
    assert outcome.error[0] == kind, outcome.error
    assert expected.search(outcome.error[1]), outcome.error
    assert outcome.exit_code == 2


@every_step
def test_step_without_space_is_refused_before_it_starts(
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
@pytest.mark.parametrize(
    ("number", "kind", "remedy"),
    [
        pytest.param(errno.ENOSPC, "StorageError", FULL, id="full"),
        pytest.param(errno.EIO, "BusyStorageError", re.compile("run again"), id="broken"),
    ],
)
def test_failing_disk_destroys_no_result(
    finished: Finished, tmp_path: Path, step: str, number: int, kind: str, remedy: re.Pattern[str]
) -> None:
    swept = Sweep(*finished, step, tmp_path, {})
    count = 3 if step in roots.SLOW else 5
    for outcome in fail_at_some(swept, count, number, seed=33):
        check_message(outcome, kind, remedy)


def fail_at_some(swept: Sweep, count: int, number: int, seed: int) -> list[Outcome]:
    """Let operations fail, alternately once and permanently; return the outcomes with errors."""
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
    check_message(outcome, "StorageError", re.compile(rf"{copy}/{place}.*Read-only"))
    assert not roots.visible_damage(copy)


@dataclass
class Machine:
    """Runs `sightline train` with the artifacts root, or its cache, on a bad disk."""

    environment: dict[str, str]
    artifacts: Path
    data: Path

    @property
    def command(self) -> list[str]:
        options = ["--dataset", str(self.data), "--artifacts", str(self.artifacts)]
        return [str(BIN / "sightline"), "train", "--recipe", "quickstart", *options]

    def run_mounted(self, mount: str, place: Path) -> Completed | None:
        """Mount something at a place for this command only; return None where that is forbidden.

        The files under the root at the end are then listed in the file `listing`.
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
        """Files under the root at the end of the mounted command, except locks."""
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
        pytest.param(8_000, "1,152,000 bytes", id="too-many-images"),
        pytest.param(5_500, "full", id="full-midway"),
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
        check_refused(machine.run_under(machine.artifacts, FULL_DISK), "full", "free up space")
        return
    check_refused(done, expected, "free up space")
    assert machine.listing == [str(old)]


def test_cache_mounted_read_only_is_refused_by_the_command(machine: Machine) -> None:
    write_npz(machine.data, train=32, test=16)
    cache = machine.artifacts / "cache"
    done = machine.run_mounted(
        "mount --bind {place} {place} && mount -o remount,ro,bind {place}", cache
    )
    done = done or machine.run_under(cache, Fault(1, "on", errno.EROFS))
    check_refused(done, str(cache / "ingest"), "Read-only file system")


def test_error_of_the_storage_is_refused_by_the_command(machine: Machine) -> None:
    write_npz(machine.data, train=32, test=16)
    done = machine.run_under(machine.artifacts / "cache", Fault(1, "on", errno.EIO))
    check_refused(done, str(machine.artifacts), "Input/output error", "run again")


def test_disk_that_is_full_for_the_model_is_refused_by_the_command(
    machine: Machine, server_url: str
) -> None:
    write_npz(machine.data, train=32, test=16)
    place = machine.artifacts / "cache" / "train"
    done = machine.run_under(place, FULL_DISK, PREFECT_API_URL=server_url)
    check_refused(done, str(machine.artifacts), "free up space")
    assert roots.leftovers(machine.artifacts) == []
    assert not roots.visible_damage(machine.artifacts)
