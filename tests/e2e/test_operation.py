"""The pipeline as it runs every night: real server on PostgreSQL, real workers."""

import json
import re
import subprocess

import httpx

from command import BIN
from examples import write_npz
from factory import call_about
from processes import wait_for

DEPLOYMENTS = [
    "fit/fit-gpu",
    "fit/fit-node",
    "prune/prune-nightly",
    "score/score-nightly",
    "shard/shard-cpu",
    "train/train-manual",
    "train/train-nightly",
    "train/train-on-data",
    "trial/trial-cpu",
    "watch/watch-data",
]
STAGES = ["ingest", "preprocess", "build", "train", "evaluate", "report"]


def test_make_deploy_creates_all_deployments(deployed, factory):
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    for name in DEPLOYMENTS:
        found = factory.deployment(name)
        assert not found["pull_steps"]
        assert found["path"] is None
        assert found["description"]
        assert found["enforce_parameter_schema"] is True
        assert found["work_pool_name"] == ("gpu" if name.startswith("fit/") else "cpu")
        if name in {"fit/fit-node", "shard/shard-cpu", "trial/trial-cpu"}:
            continue  # as many at a time as there are workers
        assert found["global_concurrency_limit"]["limit"] == 1
        assert found["concurrency_options"]["collision_strategy"] == "ENQUEUE"


def test_status_without_a_worker_reports_that_nothing_can_run(idle):
    assert idle.returncode == 1
    assert re.search(r"train/train-manual\s*│ no worker on cpu", idle.stdout)
    assert re.search(r"fit/fit-gpu\s*│ no worker on gpu", idle.stdout)
    assert idle.stderr


def test_status_names_the_paused_pool_of_a_deployment(factory, idle):
    factory.client.patch("/work_pools/gpu", json={"is_paused": True}).raise_for_status()
    done = factory.sightline("ops", "status", COLUMNS="200")
    factory.client.patch("/work_pools/gpu", json={"is_paused": False}).raise_for_status()
    assert re.search(r"fit/fit-gpu\s*│ pool gpu is paused", done.stdout)


def test_schedule_gets_scheduled_runs(factory, deployed):
    """With the wrong SQLAlchemy manual runs work and schedules never fire."""
    nightly = "train/train-nightly"
    found = wait_for("the scheduler plans the nights", lambda: factory.scheduled_runs_of(nightly))
    assert {run["state"]["name"] for run in found} == {"Scheduled"}
    assert all(run["expected_start_time"][11:16] == "02:00" for run in found)


def test_manual_run_completes_with_its_training_on_the_gpu_pool(workers, manual):
    assert re.fullmatch(rf"textures-tutorial-\d{{8}}-\d{{4}}-{manual['id'][-4:]}", manual["name"])
    assert manual["work_pool_name"] == "cpu"
    (fit,) = workers.fits_of(manual["id"])
    assert fit["work_pool_name"] == "gpu"
    assert fit["state"]["name"] == "Completed"
    assert re.fullmatch(r"[0-9a-f]{40}", fit["state"]["message"])


def test_artifacts_and_logs_of_a_run_reach_prefect(workers, manual):
    found = workers.artifacts_of(manual["id"])
    assert "training-report" in found
    for picture in ("training-curves", "confusion-matrix"):
        assert found[picture]["type"] == "image"
        assert found[picture]["data"].startswith("data:image/png;base64,")
    assert [row["stage"] for row in workers.stage_times(manual["id"])] == STAGES
    (row,) = json.loads(found["test-accuracy"]["data"])
    assert row["test accuracy"].endswith("%")
    (fit,) = workers.fits_of(manual["id"])
    assert workers.artifacts_of(fit["id"])["training-progress"]["data"] == 100
    assert "no earlier run" in workers.log(manual["id"])
    log = workers.log(fit["id"])
    assert "Epoch 2 of 2: accuracy" in log
    assert "SIGHTLINE_GPU" in log


def test_manifest_holds_relative_paths_and_the_run_of_prefect(workers, manual):
    (path,) = (workers.artifacts / "runs").glob("*/manifest.json")
    manifest = json.loads(path.read_text())
    assert manifest["flow_run_id"] == manual["id"]
    assert str(workers.artifacts) not in json.dumps(manifest["records"])


def test_repeated_run_is_unchanged_and_names_the_equal_run(workers, manual, textures):
    (run_folder,) = (workers.artifacts / "runs").glob("[!.]*")
    asked = {"dataset": str(textures), "epochs": 2, "batch_size": 8}
    found = workers.finish(workers.start("train/train-manual", **asked))
    assert (found["state"]["type"], found["state"]["name"]) == ("COMPLETED", "Unchanged")
    assert run_folder.name in found["state"]["message"]
    assert list((workers.artifacts / "runs").glob("[!.]*")) == [run_folder]


def test_changed_config_runs_and_force_runs_from_the_cache(workers, manual, textures):
    asked = {"dataset": str(textures), "batch_size": 8, "deployment": ""}
    changed = workers.complete("train/train-manual", **asked, epochs=3)
    log = workers.log(changed["id"])
    assert re.search(r"Changed since run \S+: config \(training\.epochs 2 -> 3\)\.", log), log
    forced = workers.complete("train/train-manual", **asked, epochs=3, force=True)
    assert all(row["cached"] for row in workers.stage_times(forced["id"]))


def test_changed_data_start_a_training_whose_outcome_people_hear(workers, webhook, tmp_path):
    data = write_npz(tmp_path / "arriving.npz")
    watch = ("datasets", "watch", str(data))
    assert workers.sightline(*watch).returncode == 0
    assert "is unchanged" in workers.sightline(*watch).stdout
    write_npz(data, train=200)
    changed = workers.sightline(*watch)
    assert "event sent" in changed.stdout, changed.stderr
    assert "is unchanged" in workers.sightline(*watch).stdout

    def started():
        found = workers.runs_of("train/train-on-data")
        return [run for run in found if run["parameters"]["dataset"] == str(data)]

    (run,) = wait_for("the event starts a run", started)
    assert run["parameters"]["sha256"] in changed.stdout
    done = workers.finish(run["id"])
    assert done["state"]["name"] == "Completed", workers.tail()
    said = done["state"]["message"]
    assert re.match(r"Test accuracy \d.*%\)\. arriving-v1 (promoted|refused): ", said), said
    assert [tag for tag in done["tags"] if tag.startswith("accuracy ")]
    wait_for("people hear", lambda: [one for one in webhook[1] if "Data: arriving\n" in one])
    wait_for("its log says it", lambda: said in workers.log(run["id"]))
    assert "training-report" in workers.artifacts_of(run["id"], "arriving")
    assert [fit["work_pool_name"] for fit in workers.fits_of(run["id"])] == ["gpu"]
    checked = workers.complete("watch/watch-data", dataset=str(data))
    assert checked["name"] == "watch-arriving"
    wait_for("its log", lambda: "is unchanged" in workers.log(checked["id"]))


def test_failed_run_is_reported_with_run_stage_error_and_link(workers, webhook, tmp_path):
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"<!DOCTYPE html>")
    flow_run = workers.start("train/train-manual", dataset=str(broken))
    found = workers.finish(flow_run)
    assert found["state"]["name"] == "Failed"
    text = call_about(found, webhook[1])
    assert f"Run: {found['name']} of train-manual" in text
    assert f"Data: {broken}" in text
    assert "Stage: ingest" in text
    assert "broken.npz" in text
    assert f"{workers.ui}/runs/flow-run/{flow_run}" in text
    tasks = workers.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run]}}})
    assert [task["run_count"] for task in tasks] == [1]  # bad input is not retried


def test_form_refuses_invalid_values(workers):
    path = f"/deployments/{workers.deployment('train/train-manual')['id']}/create_flow_run"
    relative = ({"dataset": path} for path in ("images", "./images", "../mnist", "ftp://mnist"))
    for wrong in ({"epochs": 0}, {"recipe": "fastest"}, {"seed": "one"}, *relative):
        answer = workers.client.post(path, json={"parameters": wrong})
        assert answer.status_code in {409, 422}, wrong


def test_status_shows_everything_in_one_table(workers, manual):
    done = workers.sightline("ops", "status", COLUMNS="200")
    assert done.returncode == 0, done.stdout
    assert "no limit" not in done.stdout, "each worker has its own"
    for name in (*DEPLOYMENTS, "cpu/default", "gpu/default", "ProcessWorker"):
        assert name in done.stdout
    assert re.search(r"train-nightly.*next \d{4}-\d\d-\d\d 02:00 UTC", done.stdout)
    assert re.search(r"train-manual.*next none; last [A-Z]\w+ \d{4}-", done.stdout)
    found = json.loads(workers.sightline("ops", "status", "--json").stdout)
    assert found["can_run"] is True
    assert {"pool", "worker", "queue", "deployment"} <= {row["kind"] for row in found["rows"]}


def test_metrics_of_the_operation_are_served_on_loopback_until_the_end(workers, manual):
    command = [BIN / "sightline", "ops", "metrics", "--port=0", "--interval=1"]
    pipe = {"stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=workers.environment, **pipe) as process:
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+/metrics", process.stderr.readline())
        found = httpx.get(address).text
        process.terminate()
    assert process.returncode == 0
    for line in (
        r'sightline_up\{source="prefect"\} 1\.0',
        r'sightline_workers_online\{pool="gpu"\} 1\.0',
        r'sightline_run_accuracy\{dataset="textures",recipe="tutorial"\} 0\.\d+',
        r'sightline_run_stage_seconds\{.*stage="train".*\} \d',
        r'sightline_flow_run_queue_seconds\{deployment="train-manual"\} \d',
    ):
        assert re.search(line, found), found


def test_installing_again_changes_nothing_and_keeps_the_gpu_limit(workers):
    def installed():
        found = workers.post("/automations/filter", {"sort": "NAME_ASC"})
        return [(item["name"], item["updated"]) for item in found]

    before = installed()
    done = workers.sightline("ops", "install")
    assert done.returncode == 0, done.stderr
    assert installed() == before, "a change makes the server forget the missing heartbeats"
    names = {name for name, _ in before}
    assert {"sightline-zombies", "sightline-failures", "sightline-delays"} <= names
    assert gpu_limit(workers) == 1
    assert workers.sightline("ops", "install", "--gpus=2").returncode == 0
    assert workers.sightline("ops", "install").returncode == 0
    assert gpu_limit(workers) == 2


def gpu_limit(running):
    limits = running.post("/v2/concurrency_limits/filter", {})
    return next(int(limit["limit"]) for limit in limits if limit["name"] == "gpu")


def test_address_of_the_webhook_is_kept_secret(workers, webhook):
    (block,) = workers.post("/block_documents/filter", {"include_secrets": False})
    assert webhook[0] not in json.dumps(block)
