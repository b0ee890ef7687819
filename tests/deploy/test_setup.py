import os
import shutil

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


def set_up(folder, *arguments, present="none", broken="nothing"):
    """Run the real script beside stand-ins; return the exit code and the commands of changes."""
    for command in ("prefect", "sightline"):
        (folder / command).write_text(STAND_IN)
        (folder / command).chmod(0o755)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    environment = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "PRESENT": present,
        "BROKEN": broken,
    }
    done = execute(folder / "deploy" / "setup.sh", *arguments, env=environment)
    calls = (folder / "calls").read_text().splitlines()
    return done.returncode, [line for line in calls if "inspect" not in line]


def create(device, kind):
    template = f"deploy/pools/{kind}-{device}.json"
    return f"prefect work-pool create {device} --type {kind} --base-job-template {template}"


def test_new_server_gets_pools_deployments_and_automations(tmp_path):
    pools = [create("cpu", "process"), create("gpu", "process")]
    checked = ["sightline ops check prefect.yaml", "sightline ops install"]
    assert set_up(tmp_path) == (0, [*checked, *pools, "prefect deploy --all"])


def test_existing_pool_is_unchanged(tmp_path):
    code, changes = set_up(tmp_path, "kubernetes", present="cpu")
    assert (code, changes[2:-1]) == (0, [create("gpu", "kubernetes")])


@pytest.mark.parametrize("broken", ["work-pool create", "deploy --all", "ops check", "ops install"])
def test_setup_stops_at_the_first_failure(tmp_path, broken):
    code, changes = set_up(tmp_path, broken=broken)
    assert code == 3
    assert broken in changes[-1]
