import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from examples import pictures
from sightline.config import DataGateConfig, RunConfig, loading
from sightline.data import locate
from sightline.errors import DataError, RunExistsError
from sightline.flows.train import training_flow
from sightline.pipeline.process import keras_process
from sightline.records import Run, RunSummary
from sightline.registry.retention import registered_models
from sightline.runs import run_folder
from sightline.runs.prune.prune import prune
from sightline.storage.workspace import Workspace
from tiny_run import tiny

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")

STAGES = ["ingest", "preprocess", "build", "train", "evaluate", "report"]
FILES = {
    "calibration.png",
    "findings.parquet",
    "label_errors.parquet",
    "robustness.png",
    "saliency.png",
    "MODEL_CARD.md",
    "confusion_matrix.png",
    "curves.png",
    "history.parquet",
    "layers.png",
    "manifest.json",
    "metrics.json",
    "mistakes.png",
    "model.keras",
    "model_summary.txt",
    "predictions.parquet",
    "report.html",
    "report.md",
    "samples.png",
}


@pytest.fixture(scope="session")
def config(data: Path) -> RunConfig:
    return tiny(data)


def cached(summary: RunSummary) -> list[str]:
    return [name for name, stage in summary.stages.items() if stage.cached]


def test_first_run_computes_every_stage(first: RunSummary) -> None:
    assert list(first.stages) == STAGES
    assert cached(first) == []
    assert first.dataset == "textures"


def test_run_folder_holds_everything_a_person_reads(first: RunSummary) -> None:
    folder = Path(first.run_dir)
    assert {path.name for path in folder.iterdir()} == FILES
    assert all(path.stat().st_size for path in folder.iterdir())


def test_model_card_has_the_numbers_of_the_metrics(first: RunSummary) -> None:
    metrics = json.loads((Path(first.run_dir) / "metrics.json").read_text())
    card = (Path(first.run_dir) / "MODEL_CARD.md").read_text(encoding="utf-8")
    described = yaml.safe_load(card.split("---\n")[1])
    (result,) = described["model-index"][0]["results"]
    assert {row["type"]: row["value"] for row in result["metrics"]} == {
        name: metrics[name] for name in ("accuracy", "loss")
    }
    low, high = metrics["accuracy_interval"]
    assert f"| {low:.2%} to {high:.2%} |" in card
    for row in metrics["classes"]:
        assert re.search(
            rf"\| {row['class_name']} \| {row['precision']:.2%} [^|]*\| {row['recall']:.2%} ", card
        )


def test_report_has_the_numbers_of_the_metrics(first: RunSummary) -> None:
    metrics = json.loads((Path(first.run_dir) / "metrics.json").read_text())
    page = (Path(first.run_dir) / "report.html").read_text(encoding="utf-8")
    rows = {
        " ".join(re.sub(r"<[^>]*>", " ", row).split())
        for row in re.findall(r"<tr>.*?</tr>|<div><dt>.*?</div>|<p.*?</p>", page, re.DOTALL)
    }

    def percent(share: float) -> str:
        return f"{share:.2%}"

    def between(interval: list[float] | None) -> str:
        return f" {percent(interval[0])} to {percent(interval[1])}" if interval else ""

    expected = {
        percent(metrics["accuracy"]),
        f"test accuracy, 95% confidence interval{between(metrics['accuracy_interval'])} (Wilson)",
        f"Test loss {metrics['loss']:.4f}",
        *(f"Top-{k} accuracy {percent(share)}" for k, share in metrics["top_k"].items()),
        *(
            f"{row['class_name']} {percent(row['precision'])}{between(row['precision_interval'])} "
            f"{percent(row['recall'])}{between(row['recall_interval'])} {row['f1']:.4f} "
            f"{row['support']}"
            for row in metrics["classes"]
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
    temperature = metrics["calibration"]["temperature"]
    (sentence,) = (row for row in rows if row.startswith("Expected calibration error"))
    for figure in (
        percent(metrics["calibration"]["error"]),
        f"{temperature['temperature']:.3f}",
        percent(temperature["calibration_error"]),
        f"{temperature['loss']:.4f}",
    ):
        assert figure in sentence
    found = metrics["label_errors"]
    assert any(f"{found['found']} of {found['examined']} training" in row for row in rows)


def test_manifest_records_config_data_environment_and_files(
    first: RunSummary, root: Path, config: RunConfig
) -> None:
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


def test_second_run_is_cached_and_has_its_own_folder(
    first: RunSummary, root: Path, config: RunConfig
) -> None:
    keras_process().close()
    second = training_flow(config, Run(id="second", workspace=Workspace(root)))
    assert cached(second) == STAGES
    assert second.test_accuracy == first.test_accuracy
    assert {path.name for path in Path(second.run_dir).iterdir()} == FILES
    assert keras_process()._child is None
    assert "second" in (Path(second.run_dir) / "report.html").read_text()


def test_only_a_damaged_result_is_rebuilt(first: RunSummary, root: Path, config: RunConfig) -> None:
    blueprint = run_folder.read(Workspace(root), "first").records.build
    (root / blueprint.summary.path).write_text("damaged")
    healed = training_flow(config, Run(id="healed", workspace=Workspace(root)))
    assert cached(healed) == [name for name in STAGES if name != "build"]
    assert healed.test_accuracy == first.test_accuracy


def test_changed_setting_reuses_what_does_not_depend_on_it_and_survives_pruning(
    data: Path, root: Path, tmp_path: Path
) -> None:
    changed, workspace = tiny(data, "training.epochs=1"), Workspace(root)
    summary = training_flow(changed, Run(id="changed", workspace=workspace))
    assert cached(summary) == ["ingest", "preprocess", "build"]
    copy = Workspace(tmp_path / "artifacts")
    shutil.copytree(root, copy.root)
    plan = prune(copy, 1, registered_models)
    assert "first" in {run.run_id for run in plan.runs}
    assert "train" in {entry.stage for entry in plan.entries}
    assert cached(training_flow(changed, Run(id="again", workspace=copy))) == STAGES


def test_refresh_computes_every_stage_to_the_same_weights(
    first: RunSummary, root: Path, config: RunConfig
) -> None:
    fresh = training_flow(config, Run(id="fresh", workspace=Workspace(root), refresh=True))
    assert cached(fresh) == []
    weights = [run_folder.read(Workspace(root), name).weights_sha256 for name in ("first", "fresh")]
    assert weights[0] == weights[1]


def test_taken_run_id_is_refused(first: RunSummary, root: Path, config: RunConfig) -> None:
    manifest = root / "runs/first/manifest.json"
    before = manifest.read_bytes()
    entries = sorted((root / "cache").rglob("*"))
    with pytest.raises(RunExistsError, match="'first'"):
        training_flow(config, Run(id="first", workspace=Workspace(root), refresh=True))
    assert sorted((root / "cache").rglob("*")) == entries
    assert manifest.read_bytes() == before


def test_damaged_source_fails_the_flow_with_its_name(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(b"<!DOCTYPE html><html></html>")
    config = loading.load("quickstart", dataset=str(path))
    with pytest.raises(DataError, match=r"broken\.npz.*HTML page"):
        training_flow(config, Run(id="broken", workspace=Workspace(root)))
    assert not run_folder.folder(Workspace(root), "broken").exists()


def test_data_gate_stops_the_flow_before_anything_is_trained(
    first: RunSummary, root: Path, tmp_path: Path
) -> None:
    x_train, y_train = pictures(40, 1)
    np.savez(
        tmp_path / "leak.npz", x_train=x_train, y_train=y_train, x_test=x_train, y_test=y_train
    )
    config = loading.load(
        "quickstart", overrides=["data_gate.leaks.action=fail"], dataset=str(tmp_path / "leak.npz")
    )
    before = sorted((root / "cache").glob("[!i]*/*"))
    with pytest.raises(DataError, match=r"leaks.*40 of 40"):
        training_flow(config, Run(id="leaky", workspace=Workspace(root)))
    assert sorted((root / "cache").glob("[!i]*/*")) == before
    assert not run_folder.folder(Workspace(root), "leaky").exists()


def test_planted_result_in_prefects_store_is_never_used(
    first: RunSummary, root: Path, config: RunConfig
) -> None:
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

    store = Path(PREFECT_LOCAL_STORAGE_PATH.value())
    training_flow(config, Run(id="before-planting", workspace=Workspace(root)))
    planted = list(store.glob("sightline-*"))
    assert len(planted) >= len(STAGES)
    for path in planted:
        record = json.loads(path.read_bytes())
        record["metadata"]["serializer"] = {"type": "pickle"}
        record["result"] = "gASVCAAAAAAAAACMBG9vcHOULg=="
        path.write_text(json.dumps(record))
    again = training_flow(config, Run(id="after-planting", workspace=Workspace(root)))
    assert cached(again) == STAGES
    assert again.test_accuracy == first.test_accuracy
