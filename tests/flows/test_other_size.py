"""Two models of one data set: of larger gray images in a letterbox, and of the original ones."""

from pathlib import Path

import numpy as np
import pytest

from examples import write_folders
from sightline import registry
from sightline.config import loading
from sightline.evaluation import predictions
from sightline.experiments import compare, run_folder
from sightline.flows.train import training_flow
from sightline.records import Run
from sightline.storage.workspace import Workspace
from tiny_run import TINY

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")

LENIENT = [
    f"promotion.{limit}"
    for limit in (
        "minimum_accuracy=0",
        "recall_margin=1",
        "calibration_margin=1",
        "latency_factor=100",
        "alpha=0.4",
    )
]
SETTINGS = [
    *TINY,
    *LENIENT,
    "evaluation.robustness_images=0",
    "evaluation.saliency_images=0",
    "training.learning_rate=0.01",
    "training.epochs=12",
    'export.formats=["keras"]',
    'promotion.gate="enforce"',
]
LARGE = ["data.image_size=[16, 20]", "data.channels=1", 'data.resize="letterbox"']


@pytest.fixture(scope="module")
def workspace(prefect_api, keras, tmp_path_factory):
    """A champion that sees blurred gray images, then a model of the original ones."""
    folder = tmp_path_factory.mktemp("size")
    data = write_folders(folder / "textures", 160, 80, (10, 12, 3))
    found = Workspace(folder / "artifacts")
    for run_id, changes in (("large", LARGE), ("original", [])):
        config = loading.load("quickstart", overrides=[*SETTINGS, *changes], dataset=str(data))
        training_flow(config, Run(id=run_id, workspace=found))
    return found


@pytest.fixture
def runs(workspace):
    return [run_folder.read(workspace, run_id) for run_id in ("large", "original")]


def test_gate_compares_both_on_the_same_source_images(workspace, runs):
    large, original = runs
    assert large.records.ingest.image_shape == (16, 20, 1)
    assert original.records.ingest.image_shape == (10, 12, 3)
    before, now = (
        predictions.read(run_folder.folder(workspace, run.run_id) / "predictions.parquet", 4)
        for run in runs
    )
    decision = original.records.decision
    assert decision.champion == "textures-v1"
    assert decision.champion_accuracy == large.records.evaluate.accuracy
    assert decision.fixed == np.sum(now.correct & ~before.correct) > 0
    assert decision.broken == np.sum(before.correct & ~now.correct)
    assert decision.promote, decision.sentence
    assert registry.aliases(workspace, "textures").champion == "textures-v2"


def test_report_and_comparison_of_runs_count_the_flips(workspace, runs):
    decision, compared = runs[1].records.decision, runs[1].compared
    assert (compared.run_id, compared.fixed, compared.broken) == (
        *("large", decision.fixed, decision.broken),
    )
    page = (Path(workspace.root) / "runs" / "original" / "report.html").read_text(encoding="utf-8")
    assert f"{decision.fixed} images newly correct" in page
    flips = compare.compare(workspace, (runs[0], runs[1])).flips
    assert (flips.fixed, flips.broken) == (decision.fixed, decision.broken)
    assert flips.p_value == compared.p_value


def test_data_gate_sees_no_drift(runs):
    drift = {check.name: check for check in runs[1].records.gate.checks}["drift"]
    assert (drift.measured, drift.outcome) == (0, "passed")
