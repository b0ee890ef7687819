"""A disk that is full, read-only or broken."""

import errno
import re
import shlex
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Literal

import pytest

import faultpoint_root as roots
from command import BIN, check_refused, execute
from depth import at_depth
from examples import write_npz
from faultpoint import Fault, library
from faultpoint_sweep import Sweep, sample

pytestmark = pytest.mark.campaign

FULL = re.compile(r"full, [\d,]+ bytes .*free up space")
NO_ROOM = re.compile(r"4,096 .*free up space")


FULL_DISK = Fault(1, "on", errno.ENOSPC)
TRIALS = dict.fromkeys(roots.SLOW, 3) | {"embed": at_depth(1, 5)}
"""Failing operations of a step that takes long."""

every_step = pytest.mark.parametrize("step", [*roots.STEPS, "embed"])


def check_message(outcome, kind, expected):
    assert outcome.error is not None
    assert outcome.error[0] == kind, outcome.error
    assert expected.search(outcome.error[1]), outcome.error
    assert outcome.exit_code == 2


@every_step
def test_step_without_space_is_refused_before_it_starts(tmp_path, step):
    pipeline, root = roots.having(step)
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
        pytest.param(
            errno.EIO,
            "BusyStorageError",
            re.compile("run again"),
            id="broken",
            marks=pytest.mark.long,
        ),
    ],
)
def test_failing_disk_destroys_no_result(tmp_path, step, number, kind, remedy):
    """Let some operations fail, alternately once and permanently."""
    swept = Sweep(*roots.having(step), step, tmp_path)
    points = [point for point in swept.points if point.kind != "remove"]
    chosen = sample(points, TRIALS.get(step, 5), seed=33)
    modes: cycle[Literal["once", "on"]] = cycle(["on", "once"])
    outcomes = [swept.fail(point, do, number) for point, do in zip(chosen, modes, strict=False)]
    failed = [outcome for outcome in outcomes if outcome.error]
    assert failed
    for outcome in failed:
        check_message(outcome, kind, remedy)


@every_step
def test_read_only_cache_is_refused_with_its_path(tmp_path, step):
    pipeline, root = roots.having(step)
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
    def command(self):
        options = ["--dataset", str(self.data), "--artifacts", str(self.artifacts)]
        return [str(BIN / "sightline"), "train", "--recipe", "quickstart", *options]

    def run_mounted(self, mount, place):
        """Mount something at a place for this command only; return None where that is forbidden.

        The files under the root at the end are then listed in the file `listing`.
        """
        before = f"{mount.format(place=shlex.quote(str(place)))} || exit 99"
        here = shlex.quote(str(self.artifacts))
        after = f"code=$?; find {here} -type f | sort > {here}.listing; exit $code"
        script = f"{before}; {shlex.join(self.command)}; {after}"
        shell = ("unshare", "--mount", "--user", "--map-root-user", "sh", "-c")
        try:
            done = execute(*shell, script, env=self.environment)
        except FileNotFoundError:
            return None
        return None if done.returncode in {1, 99} and "rror" not in done.stderr else done

    def run_under(self, root, fault, **changes):
        """Let all file operations below a root fail."""
        variables = fault.environment(library(), root) | changes
        return execute(*self.command, env=self.environment | variables)


@pytest.fixture
def machine(environment, tmp_path):
    artifacts = tmp_path / "artifacts"
    (artifacts / "cache" / "ingest").mkdir(parents=True)
    data = write_npz(tmp_path / "textures.npz", train=32, test=16)
    return Machine(environment, artifacts, data)


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        pytest.param(8_000, "1,152,000 bytes", id="too-many-images"),
        pytest.param(5_500, "full", id="full-midway"),
    ],
)
def test_disk_of_one_megabyte_is_refused_by_the_command(machine, examples, expected):
    write_npz(machine.data, train=examples - 1_000, test=1_000)
    old = machine.artifacts / "old"
    mount = f"mount -t tmpfs -o size=1m none {{place}} && echo old > {shlex.quote(str(old))}"
    done = machine.run_mounted(mount, machine.artifacts)
    if done is None:  # a machine without mounts has the fault point
        check_refused(machine.run_under(machine.artifacts, FULL_DISK), "full", "free up space")
        return
    check_refused(done, expected, "free up space")
    left = machine.artifacts.with_name("artifacts.listing").read_text().splitlines()
    assert [path for path in left if not path.endswith(".lock")] == [str(old)]


def test_cache_mounted_read_only_is_refused_by_the_command(machine):
    cache = machine.artifacts / "cache"
    mount = "mount --bind {place} {place} && mount -o remount,ro,bind {place}"
    done = machine.run_mounted(mount, cache) or machine.run_under(
        cache, Fault(1, "on", errno.EROFS)
    )
    check_refused(done, str(cache / "ingest"), "Read-only file system")


def test_error_of_the_storage_is_refused_by_the_command(machine):
    done = machine.run_under(machine.artifacts / "cache", Fault(1, "on", errno.EIO))
    check_refused(done, str(machine.artifacts), "Input/output error", "run again")


def test_disk_that_is_full_for_the_model_is_refused_by_the_command(machine, server_url):
    place = machine.artifacts / "cache" / "train"
    done = machine.run_under(place, FULL_DISK, PREFECT_API_URL=server_url)
    check_refused(done, str(machine.artifacts), "free up space")
    assert roots.leftovers(machine.artifacts) == []
    assert not roots.visible_damage(machine.artifacts)
