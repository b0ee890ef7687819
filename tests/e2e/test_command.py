import json
import re
import signal
import subprocess
from pathlib import Path

import keras
import pytest

from command import BIN, check_refused, invoke
from examples import pictures, write_npz
from processes import descendants, is_running, wait_for
from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace
from stack import Json

STAGES = ["ingest", "preprocess", "build", "train", "evaluate", "report"]


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    places = [f"--dataset={write_npz(folder / 'textures.npz')}", f"--artifacts={folder}/artifacts"]
    options = ["--recipe=tutorial", "--set=training.epochs=2", "--set=training.batch_size=8"]
    return ["train", *places, *options]


@pytest.fixture(scope="module")
def first(sightline, arguments):
    done = sightline(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    result: Json = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert not re.search(r"prefect|tensorflow|oneDNN|cuda|INFO|WARNING", done.stderr, re.IGNORECASE)
    assert "Epoch 2/2" in done.stderr
    return result


def test_json_has_the_documented_fields(first):
    figures = {"parameters", "test_accuracy", "test_loss", "total_seconds"}
    figures |= {"balanced_accuracy", "baseline_accuracy", "linear_accuracy", "accuracy_interval"}
    others = {"run_id", "run_dir", "dataset", "recipe", "stages", "promotion"}
    others |= {"warnings", "advice", "unlabelled_predictions", "sampled"}
    assert first.keys() == figures | others
    assert first["promotion"] is None
    assert list(first["stages"]) == STAGES
    assert all(set(stage) == {"seconds", "cached"} for stage in first["stages"].values())
    assert not any(stage["cached"] for stage in first["stages"].values())


def test_same_command_again_is_cached_and_ends_with_a_table(sightline, arguments, first):
    done = sightline(*arguments)
    assert done.returncode == 0, done.stderr
    for stage in STAGES:
        assert re.search(rf"{stage}\s*│\s*\d+\.\d\s*│ yes", done.stdout), done.stdout
    assert f"{first['test_accuracy']:.2%}" in done.stdout
    assert "majority-class baseline 25.00%" in done.stdout
    (report,) = re.findall(r"Report: (.*report\.html)", done.stdout)
    assert Path(report).is_file()
    assert first["run_dir"] not in report
    run, *lines = done.stderr.splitlines()
    assert run.startswith("Run ")
    assert [line.partition(":")[0] for line in lines] == ["Data", "Labels", "Images", "Left out"]


def test_run_with_if_changed_ends_early_if_nothing_changed(sightline, arguments, first):
    runs = Path(first["run_dir"]).parent
    before = sorted(runs.iterdir())
    done = sightline(*arguments, "--if-changed")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\S+-textures-tutorial-", done.stderr)
    assert sorted(runs.iterdir()) == before


def test_model_of_the_run_takes_raw_images(first):
    model = keras.saving.load_model(Path(first["run_dir"]) / "model.keras")
    images, labels = pictures(40, 2)
    predicted = model.predict(images, verbose=0).argmax(axis=1)
    assert (predicted == labels).mean() == pytest.approx(first["test_accuracy"])


def test_run_is_shown_with_its_digest(arguments, first):
    shown = invoke("runs", "show", first["run_id"], arguments[2])
    assert re.search(r"weights_sha256 .* [0-9a-f]{64}", shown.stdout)


def test_required_gpu_that_is_missing_is_refused_before_any_work(sightline, arguments, tmp_path):
    options = ("--set=training.device=gpu", f"--artifacts={tmp_path}")
    done = sightline(*arguments, *options, CUDA_VISIBLE_DEVICES="-1")
    check_refused(done, "training.device")
    assert not (tmp_path / "cache").exists()


def test_ctrl_c_ends_every_process_and_keeps_finished_stages(environment, arguments, tmp_path):
    with subprocess.Popen(
        [BIN / "sightline", *arguments, f"--artifacts={tmp_path}", "--set=training.epochs=10000"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets what it starts in the background ignore Ctrl-C, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    ) as process:
        assert process.stderr is not None
        written = []
        while not (line := process.stderr.readline()).startswith("Epoch 2/"):
            written.append(line)
            assert process.poll() is None, "".join(written)
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Interrupted" in rest
    assert "Traceback" not in rest
    assert len(children) == 2, "the private server and the Keras process"
    wait_for("every process ends", lambda: not any(map(is_running, children)))
    assert not run_folder.run_ids(Workspace(tmp_path))
    assert list((tmp_path / "cache" / "preprocess").iterdir())
