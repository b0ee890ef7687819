"""SQLite and a password: the set-up of `make server`, `deploy` and `worker`.

The workers share no folder: nothing but the server and an object storage.
"""

import json
import os
import re
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from command import BIN, ROOT, check_refused
from processes import cut_power, wait_for
from stack import Stack, end
from tiny_run import TINY

pytestmark = pytest.mark.campaign

PASSWORD = "admin:s3cret-of-the-test"  # noqa: S105 - invented


@pytest.fixture(scope="module")
def guarded(environment, s3_server, tmp_path_factory):
    """A server with a password, both pools, deployments and workers."""
    names = ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING")
    settings = environment | s3_server.environment | dict.fromkeys(names, PASSWORD)
    folder = tmp_path_factory.mktemp("guarded")
    with closing(Stack(folder, settings)) as running:
        running.environment["SIGHTLINE_ARTIFACTS"] = f"{s3_server.new_bucket()}/team"
        assert running.execute("make", "deploy").returncode == 0
        shared = running.environment
        for pool in ("cpu", "gpu"):
            own = {
                "PREFECT_HOME": f"{folder}/{pool}/prefect",
                "SIGHTLINE_CACHE": f"{folder}/{pool}",
            }
            running.environment = shared | own
            running.start_worker(pool)
        running.environment = shared
        yield running


def test_run_completes_on_two_workers_and_stores_the_password_nowhere(guarded, textures):
    """Neither in a log or a run, nor in Prefect's database or result store."""
    done = guarded.complete(
        "train/train-manual", dataset=str(textures), epochs=2, deployment="fit/fit-gpu"
    )
    (fit,) = guarded.fits_of(done["id"])
    assert (fit["state"]["name"], fit["work_pool_name"]) == ("Completed", "gpu")
    assert list(guarded.artifacts.iterdir()) == []
    stages = {
        pool: {path.name for path in guarded.logs.glob(f"{pool}/*-team-*/cache/*")}
        for pool in ("cpu", "gpu")
    }
    assert stages["gpu"] == {"preprocess", "build", "train"}, "only what the training needs"
    assert stages["cpu"] > stages["gpu"]
    assert (Path(guarded.environment["PREFECT_HOME"]) / "prefect.db").is_file()
    secret = PASSWORD.partition(":")[2].encode()
    for path in guarded.logs.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path


@pytest.mark.long
def test_killed_server_goes_on_and_shows_no_error_but_the_documented_ones(guarded, textures):
    """See the troubleshooting in docs/operations.md: both cost nothing."""
    flow_run = guarded.begin(textures, 305, "fit/fit-gpu")
    log = guarded.logs / "server.log"
    before = log.stat().st_size
    cut_power(guarded.server.pid)
    guarded.server.wait()
    guarded.start_server()
    assert guarded.finish(flow_run)["state"]["name"] == "Completed", guarded.tail()
    text = log.read_text()[before:]
    causes = re.findall(r"^sqlalchemy\.exc\.\w+: .*", text, re.MULTILINE)
    known = ("database is locked", "NOT NULL constraint failed: events.occurred")
    assert not [cause for cause in causes if not cause.endswith(known)]
    assert text.count("| ERROR ") <= len(causes)


def test_caller_without_the_password_is_refused(guarded):
    done = guarded.sightline("ops", "status", PREFECT_API_AUTH_STRING="")
    check_refused(done, "PREFECT_API_AUTH_STRING")
    assert guarded.sightline("ops", "status").returncode == 0


def test_makefile_refuses_an_open_server(guarded):
    done = guarded.execute("make", "server", "HOST=0.0.0.0", PREFECT_SERVER_API_AUTH_STRING="")
    assert done.returncode != 0
    assert "PREFECT_SERVER_API_AUTH_STRING" in " ".join(done.stderr.split())


@pytest.mark.long
def test_two_workers_train_one_network_and_go_on_after_one_of_them_is_killed(guarded, textures):
    """On JAX, as nodes; a killed one ends the other, and both resume from the checkpoint."""
    shared, folder = guarded.environment, guarded.logs
    end(guarded.workers.pop())  # the one of the pool gpu, which has another backend
    for name in ("node-0", "node-1"):
        own = {"PREFECT_HOME": f"{folder}/{name}/prefect", "SIGHTLINE_CACHE": f"{folder}/{name}"}
        guarded.environment = shared | own | {"KERAS_BACKEND": "jax"}
        guarded.start_worker("gpu")
    guarded.environment = shared
    wanted = ("deployment=fit/fit-node", "nodes=2", "devices=all", "ghost_batches=1", "epochs=150")
    settings = [f"--set=training.{one}" for one in (*wanted, "checkpoint_steps=10")]
    tiny = [f"--set={one}" for one in TINY[1:]]
    given = ("train", f"--dataset={textures}", "--recipe=quickstart", "--json", *settings, *tiny)

    def trains():
        logs = [guarded.log(one["id"]) for one in guarded.runs_of("fit/fit-node")]
        return any(log.count("Epoch ") > 1 for log in logs)

    with subprocess.Popen(
        [BIN / "sightline", *given],
        env={**shared, "KERAS_BACKEND": "jax", "SIGHTLINE_CACHE": f"{folder}/command"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        wait_for("node 0 trains", trains)
        os.kill(guarded.flow_process(), signal.SIGKILL)
        out, log = command.communicate()
    assert command.returncode == 0, log + guarded.tail()
    runs = guarded.runs_of("fit/fit-node")
    states = sorted(one["state"]["name"] for one in runs)
    assert states == ["Completed", "Completed", "Crashed", "NodeLostError"], log
    keys = [one["state"]["message"] for one in runs if one["state"]["name"] == "Completed"]
    assert sorted(len(key or "") for key in keys) == [0, 40]
    (path,) = folder.glob(f"command/*-team-*/runs/{json.loads(out)['run_id']}/manifest.json")
    trained = json.loads(path.read_text())["records"]["train"]
    assert (trained["nodes"], trained["devices"], len(trained["resumed"])) == (2, 2, 1)
