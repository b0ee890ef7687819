"""The whole pipeline with its artifacts on S3 only, where home and working folder are read-only."""

import json
from pathlib import Path

import pytest

from command import BIN, execute

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def machine(environment, s3_server, tmp_path_factory):
    """Run the command on a machine that can write in its own temporary folder only."""
    artifacts = f"{s3_server.new_bucket()}/team"
    kept = {name: value for name, value in environment.items() if name != "PREFECT_HOME"}
    settings = kept | s3_server.environment | {"SIGHTLINE_ARTIFACTS": artifacts}
    read_only = Path("/proc/self")  # not even root can write there

    def on(folder, *arguments):
        own = {"HOME": str(read_only), "XDG_CACHE_HOME": "", "TMPDIR": str(folder)}
        own["BROWSER"] = "/bin/true"
        return execute(BIN / "sightline", *arguments, env={**settings, **own}, cwd=read_only)

    return on


def test_run_on_one_machine_is_complete_on_another(machine, textures, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    options = ("--recipe=quickstart", f"--dataset={textures}", "--set=training.epochs=1")
    done = machine(one, "train", *options)
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(machine(two, "runs", "list", "--json").stdout)
    assert run["run_id"] in done.stdout
    report = Path(machine(two, "runs", "open", "latest").stdout.strip())
    assert report.is_relative_to(two)
    assert run["run_id"] in report.read_text()
    planned = machine(two, "train", *options, "--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    assert {stage["cached"] for stage in json.loads(planned.stdout)["stages"]} == {True}
