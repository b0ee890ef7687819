import html
import json
import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from examples import pictures
from sightline.config import DataGateConfig, loading
from sightline.data import locate
from sightline.errors import DataError, RunExistsError
from sightline.experiments import run_folder
from sightline.experiments.prune.prune import prune
from sightline.flows.train import training_flow
from sightline.pipeline.process import keras_process
from sightline.records import Run
from sightline.registry.retention import registered_models
from sightline.storage.workspace import Workspace
from tiny_run import artifacts, tiny

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")

STAGES = ["ingest", "preprocess", "build", "train", "evaluate", "report"]
FILES = {
    "MODEL_CARD.md",
    "calibration.png",
    "confusion_matrix.png",
    "correct.png",
    "curves.png",
    "findings.parquet",
    "history.parquet",
    "label_errors.parquet",
    "layers.png",
    "manifest.json",
    "metrics.json",
    "mistakes.png",
    "model.keras",
    "model_summary.txt",
    "predictions.parquet",
    "profile.parquet",
    "report.html",
    "report.md",
    "robustness.png",
    "saliency.png",
    "samples.png",
    "steps.parquet",
    "threshold_curves.png",
}


@pytest.fixture(scope="session")
def config(data):
    return tiny(data)


@pytest.fixture(scope="session")
def metrics(first):
    return json.loads((Path(first.run_dir) / "metrics.json").read_text())


def train(root, run_id, config, *, refresh=False):
    return training_flow(config, Run(id=run_id, workspace=Workspace(root), refresh=refresh))


def cached(summary):
    return [name for name, stage in summary.stages.items() if stage.cached]


def test_first_run_computes_every_stage_and_writes_everything_a_person_reads(first):
    assert (list(first.stages), cached(first), first.dataset) == (STAGES, [], "textures")
    folder = Path(first.run_dir)
    assert {path.name for path in folder.iterdir()} == FILES
    assert all(path.stat().st_size for path in folder.iterdir())


def test_model_card_has_the_numbers_of_the_metrics(first, metrics):
    card = (Path(first.run_dir) / "MODEL_CARD.md").read_text(encoding="utf-8")
    described = yaml.safe_load(card.split("---\n")[1])
    (result,) = described["model-index"][0]["results"]
    assert {row["type"]: row["value"] for row in result["metrics"]} == {
        "accuracy": metrics["accuracy"],
        "loss": metrics["loss"],
        "f1": metrics["macro_f1"],
        "roc_auc": metrics["threshold_curves"]["roc_auc"],
    }
    assert "| {:.2%} to {:.2%} |".format(*metrics["accuracy_interval"]) in card
    for row in metrics["classes"]:
        line = r"\| {class_name} \| {precision:.2%} [^|]*\| {recall:.2%} ".format(**row)
        assert re.search(line, card)


def test_report_has_the_numbers_of_the_metrics(first, metrics):
    page = (Path(first.run_dir) / "report.html").read_text(encoding="utf-8")
    rows = {
        " ".join(re.sub(r"<[^>]*>", " ", row).split())
        for row in re.findall(r"<tr>.*?</tr>|<div><dt>.*?</div>|<p.*?</p>", page, re.DOTALL)
    }

    percent, curves = "{:.2%}".format, metrics["threshold_curves"]

    def between(interval):
        return " {:.2%} to {:.2%}".format(*interval) if interval else ""

    expected = {
        percent(metrics["accuracy"]),
        *(
            f"{row['class_name']} {percent(row['precision'])}{between(row['precision_interval'])} "
            f"{percent(row['recall'])}{between(row['recall_interval'])} {row['f1']:.4f} "
            f"{area:.4f} {precision:.4f} {row['support']}"
            for row, area, precision in zip(
                metrics["classes"],
                curves["class_roc_auc"],
                curves["class_average_precision"],
                strict=True,
            )
        ),
        *(
            f"{point['threshold']:.4g} {percent(point['coverage'])} {percent(point['accuracy'])}"
            for point in metrics["coverage"]
        ),
        *(
            f"{row['corruption']} {' '.join(percent(share) for share in row['accuracies'])}"
            for row in metrics["robustness"]["corruptions"]
        ),
    }
    assert expected <= rows
    for name, value in (
        ("ROC AUC (one-vs-rest, macro)", f"{curves['roc_auc']:.4f}"),
        ("Loss (cross-entropy, nats)", f"{metrics['loss']:.4f}"),
        *((f"Top-{k} accuracy", percent(share)) for k, share in metrics["top_k"].items()),
    ):
        assert any(row.startswith(f"{name} {value}") for row in rows), name
    (sentence,) = (row for row in rows if row.startswith("test accuracy. With "))
    assert f"is{between(metrics['accuracy_interval'])}." in sentence
    assert f"(mean recall of the classes) {percent(metrics['balanced_accuracy'])}" in page
    (sentence,) = (row for row in rows if row.startswith("Expected calibration error ("))
    figures = "{temperature:.3f} {calibration_error:.2%} {loss:.4f}"
    scaled = figures.format(**metrics["calibration"]["temperature"]).split()
    for figure in (percent(metrics["calibration"]["error"]), *scaled):
        assert figure in sentence
    found = metrics["label_errors"]
    assert any(f"{found['found']} of {found['examined']} training" in row for row in rows)


def test_links_of_the_report_lead_to_files_beside_it(first):
    page = (Path(first.run_dir) / "report.html").read_text(encoding="utf-8")
    links = re.findall(r'href="\./([^"]+)"', page)
    assert {"model.keras", "predictions.parquet", "metrics.json", "manifest.json"} <= {*links}
    assert {*links} <= FILES


def test_program_in_the_report_predicts_as_the_evaluation(first, data, tmp_path):
    folder = Path(first.run_dir)
    page = (folder / "report.html").read_text(encoding="utf-8")
    (program,) = re.findall(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    shutil.copy(folder / "model.keras", tmp_path)
    with np.load(data) as arrays:
        Image.fromarray(arrays["x_test"][3].squeeze()).save(tmp_path / "image.png")
    command = [sys.executable, "-c", html.unescape(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    name, probability = done.stdout.split()[-2:]
    expected = pq.read_table(folder / "predictions.parquet").slice(3, 1).to_pylist()[0]
    assert name == str(expected["predicted"])
    assert float(probability) == pytest.approx(
        max(expected[f"probability_{number}"] for number in range(4)), abs=1e-4
    )


def test_manifest_records_config_data_environment_and_files(first, root, config):
    manifest = run_folder.read(Workspace(root), "first")
    assert manifest.source_sha256 == locate.locate(config.data).sha256
    gate = manifest.records.gate
    assert [check.name for check in gate.checks] == list(DataGateConfig.model_fields)
    assert gate.compared_with is None
    assert manifest.config == config
    assert manifest.records.evaluate.accuracy == first.test_accuracy
    assert manifest.flow_run_id is not None
    assert manifest.environment["versions"]["keras"]
    for name, record in manifest.files.items():
        assert (Path(first.run_dir) / name).stat().st_size == record.bytes


def test_flow_logs_how_the_data_were_read_even_if_cached(first, root, config, caplog):
    with caplog.at_level(logging.INFO, "sightline.flows"):
        train(root, "logged", config)
    assert "Data: NPZ archive; train: 160 (array x_train), test: 40 (array x_test)" in caplog.text
    assert "Labels: array y_train: 4 classes" in caplog.text


def test_second_run_is_cached_and_has_its_own_folder(first, root, config):
    keras_process().close()
    second = train(root, "second", config)
    assert cached(second) == STAGES
    assert second.test_accuracy == first.test_accuracy
    assert {path.name for path in Path(second.run_dir).iterdir()} == FILES
    assert keras_process()._child is None
    assert "second" in (Path(second.run_dir) / "report.html").read_text()


def test_only_a_damaged_result_is_rebuilt(first, root, config):
    blueprint = run_folder.read(Workspace(root), "first").records.build
    (root / blueprint.summary.path).write_text("damaged")
    healed = train(root, "healed", config)
    assert cached(healed) == [name for name in STAGES if name != "build"]
    assert healed.test_accuracy == first.test_accuracy


def test_changed_setting_reuses_what_does_not_depend_on_it_and_survives_pruning(
    data, root, tmp_path
):
    changed = tiny(data, "training.epochs=1")
    assert cached(train(root, "changed", changed)) == ["ingest", "preprocess", "build"]
    copy = shutil.copytree(root, tmp_path / "artifacts")
    plan = prune(Workspace(copy), 1, registered_models)
    assert "first" in {run.run_id for run in plan.runs}
    removed = {entry.stage for entry in plan.entries}
    assert "train" in removed
    assert not removed & {"draw_data", "fit_reference"}, "the remaining run shares them"
    assert all(any((copy / "cache" / name).iterdir()) for name in ("draw_data", "fit_reference"))
    assert cached(train(copy, "again", changed)) == STAGES
    plots = [
        "accuracy-history" in artifacts(run_folder.read(Workspace(copy), run_id))
        for run_id in ("changed", "again")
    ]
    assert plots == [True, False], "the second one would show the same evaluation"


def test_refresh_computes_every_stage_to_the_same_weights(first, root, config):
    fresh = train(root, "fresh", config, refresh=True)
    assert cached(fresh) == []
    weights = {run_folder.read(Workspace(root), name).weights_sha256 for name in ("first", "fresh")}
    assert len(weights) == 1


def test_taken_run_id_is_refused(first, root, config):
    manifest = root / "runs/first/manifest.json"
    before = manifest.read_bytes()
    entries = sorted((root / "cache").rglob("*"))
    with pytest.raises(RunExistsError, match="'first'"):
        train(root, "first", config, refresh=True)
    assert sorted((root / "cache").rglob("*")) == entries
    assert manifest.read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "message"), [("broken", r"broken\.npz.*HTML page"), ("leak", "leaks.*40 of 40")]
)
def test_damaged_source_and_data_gate_stop_the_flow_before_anything_is_trained(
    first, root, tmp_path, kind, message
):
    images, labels = pictures(40, 1)
    leak = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "leak.npz", **leak)
    (tmp_path / "broken.npz").write_bytes(b"<!DOCTYPE html><html></html>")
    fail = ["data_gate.leaks.action=fail"]
    config = loading.load("quickstart", overrides=fail, dataset=str(tmp_path / f"{kind}.npz"))
    before = sorted((root / "cache").glob("[!i]*/*"))
    with pytest.raises(DataError, match=message):
        train(root, kind, config)
    assert sorted((root / "cache").glob("[!i]*/*")) == before
    assert not run_folder.folder(Workspace(root), kind).exists()


def test_planted_result_in_prefects_store_is_never_used(first, root, config):
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

    store = Path(PREFECT_LOCAL_STORAGE_PATH.value())
    train(root, "before-planting", config)
    planted = list(store.glob("sightline-*"))
    assert len(planted) >= len(STAGES)
    for path in planted:
        record = json.loads(path.read_bytes())
        record["metadata"]["serializer"] = {"type": "pickle"}
        record["result"] = "gASVCAAAAAAAAACMBG9vcHOULg=="
        path.write_text(json.dumps(record))
    again = train(root, "after-planting", config)
    assert cached(again) == STAGES
    assert again.test_accuracy == first.test_accuracy
