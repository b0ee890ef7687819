import os
import shutil
from pathlib import Path

import pytest

from command import ROOT, execute

STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$(basename "$0") $*" in
    "prefect work-pool inspect $PRESENT") ;;
    "prefect work-pool inspect "*) exit 1 ;;
    *"$BROKEN"*) exit 3 ;;
esac
"""


class Bench:
    """The real script beside stand-ins for the commands that it calls."""

    def __init__(self, folder: Path) -> None:
        self.calls = folder / "calls"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for command in ("prefect", "sightline"):
            (self.bin / command).write_text(STAND_IN)
            (self.bin / command).chmod(0o755)
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        self.script = folder / "deploy" / "setup.sh"

    def run(self, *arguments: str, present: str = "none", broken: str = "nothing") -> int:
        environment = {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "PRESENT": present,
            "BROKEN": broken,
        }
        return execute(self.script, *arguments, env=environment).returncode

    def changes(self) -> list[str]:
        return [line for line in self.calls.read_text().splitlines() if "inspect" not in line]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_new_server_gets_pools_deployments_and_automations(bench: Bench) -> None:
    assert bench.run() == 0
    pools = [create("cpu", "process"), create("gpu", "process")]
    assert bench.changes() == ["sightline ops install", *pools, "prefect deploy --all"]


def create(device: str, kind: str) -> str:
    template = f"deploy/pools/{kind}-{device}.json"
    return f"prefect work-pool create {device} --type {kind} --base-job-template {template}"


def test_existing_pool_is_unchanged(bench: Bench) -> None:
    assert bench.run("kubernetes", present="cpu") == 0
    assert bench.changes()[1:-1] == [create("gpu", "kubernetes")]


@pytest.mark.parametrize("broken", ["work-pool create", "deploy --all", "ops install"])
def test_setup_stops_at_the_first_failure(bench: Bench, broken: str) -> None:
    assert bench.run(broken=broken) == 3
    assert broken in bench.changes()[-1]
