import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task

import made_runs
from cli import refused, sightline
from sightline import registry
from sightline.config import loading
from sightline.data import locate
from sightline.errors import InputError
from sightline.experiments import run_folder, seeds
from sightline.flows.deployments import train
from sightline.flows.train import evaluate_candidate, training_flow
from sightline.records import Run, RunSummary
from sightline.registry.gate.candidate import Candidate
from sightline.reporting.page import escape_markdown
from sightline.storage.workspace import Workspace
from tiny_run import artifacts

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")

SETTINGS = [
    "training.epochs=2",
    "evaluation.robustness_images=0",
    "evaluation.label_error_threshold=1",
    'export.formats=["keras", "saved_model"]',
    "export.golden_images=20",
    "promotion.minimum_accuracy=0",  # a logistic regression is better than two epochs
]
LONGER = [
    "training.epochs=12",
    "promotion.recall_margin=1",
    "promotion.calibration_margin=1",
    "promotion.latency_factor=100",
    "promotion.alpha=0.49",
]


@pytest.fixture(scope="module")
def reported(prefect_api, keras, data, root):
    """The first model, evaluated and not promoted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_ARTIFACTS", str(root))
        summary = train(
            dataset=str(data), recipe="quickstart", overrides=SETTINGS, gate="report", force=True
        )
    assert isinstance(summary, RunSummary)
    return summary


@pytest.fixture(scope="module")
def promoted(reported, root):
    """What the command says that promotes it by hand."""
    line = f"models promote latest --reason='it is the first' --artifacts={root}"
    return sightline(line).stdout


@pytest.fixture(scope="module")
def again(promoted, data, root):
    """The same training once more, now with a champion to beat."""
    return run_flow(root, "again", config(data, "enforce"))


def config(data, gate, *changes):
    overrides = [*SETTINGS, f'promotion.gate="{gate}"', *changes]
    return loading.load("quickstart", overrides=overrides, dataset=str(data))


def run_flow(root, run_id, settings):
    return training_flow(settings, Run(id=run_id, workspace=Workspace(root)))


def decision(root, run_id):
    found = run_folder.read(Workspace(root), run_id).records.decision
    assert found is not None
    return found


def test_model_that_passes_stays_the_candidate_where_the_gate_only_reports(reported):
    found = reported.promotion
    assert (found.version, found.promoted) == ("textures-v1", False)
    assert found.sentence.startswith("Passed as the first model: ")
    assert f"sightline models promote {reported.run_id} --reason" in found.sentence
    assert list(reported.stages)[-1] == "export"


def test_report_and_prefect_show_decision_and_exports(reported, root):
    page = (Path(reported.run_dir) / "report.html").read_text(encoding="utf-8")
    brief = (Path(reported.run_dir) / "report.md").read_text(encoding="utf-8")
    made = decision(root, reported.run_id)
    for criterion in made.criteria:
        assert criterion.sentence.split(":")[0] in page
        assert f"| {criterion.name.replace('_', chr(92) + '_')} | passed |" in brief
    assert page.count(made.sentence) == 1  # among the first answers
    assert "the gate only reports" in page
    written = json.loads((Path(reported.run_dir) / "certificate.json").read_bytes())
    assert [export["format"] for export in written["exports"]] == ["keras", "saved_model"]
    for export in written["exports"]:
        assert f"{export['difference']:.1e}" in page
    shown = artifacts(run_folder.read(Workspace(root), reported.run_id))
    text = str(shown["promotion-gate"].data)
    assert text.startswith(
        f"## {escape_markdown('textures-v1 candidate: Passed as the first model')}"
    )
    for criterion in made.criteria:
        assert f"{escape_markdown(criterion.name)}**, passed: " in text
        assert escape_markdown(criterion.sentence) in text
    assert len(json.loads(str(shown["export"].data))) == 2


def test_manual_promotion_uses_the_same_gate(promoted, root):
    assert "The champion of textures is textures-v1. Passed as the first model" in promoted
    assert registry.aliases(Workspace(root), "textures").champion == "textures-v1"
    event = registry.history(Workspace(root))[-1]
    assert (event.reason, event.forced) == ("it is the first", False)
    assert event.decision.promote


def test_same_model_is_not_promoted_again(again, root):
    assert all(stage.cached for stage in again.stages.values())
    assert not again.promotion.promoted
    failed = [one.name for one in decision(root, "again").criteria if one.failed]
    assert failed == ["same_model"]
    assert registry.aliases(Workspace(root), "textures").champion == "textures-v1"
    assert registry.history(Workspace(root))[-1].action == "refuse"


def test_error_in_the_gate_costs_only_the_promotion(again, data, root, caplog):
    model = root / registry.champion(Workspace(root), "textures").model.path
    sound = model.read_bytes()
    model.write_bytes(b"damaged")
    summary = run_flow(root, "kept", config(data, "enforce", *LONGER))
    model.write_bytes(sound)
    assert not summary.promotion.promoted
    assert "Not evaluated: " in summary.promotion.sentence
    kept = run_folder.read(Workspace(root), "kept")
    assert kept.records.evaluate.accuracy == summary.test_accuracy
    assert "The promotion gate: " in caplog.text


def test_force_replaces_a_damaged_champion(again, data, root, tmp_path):
    elsewhere = shutil.copytree(root, tmp_path / "artifacts")
    run_flow(elsewhere, "other", config(data, "off", *LONGER))
    champion = registry.find(Workspace(elsewhere), "champion")
    model = f"models/textures/versions/{champion.rpartition('-v')[2]}/model.keras"
    (elsewhere / model).write_bytes(b"damaged")
    line = f"models promote other --reason=damaged --artifacts={elsewhere}"
    assert model in refused(line)
    assert "forced, against the gate" in sightline(line, "--force").stdout
    event = registry.history(Workspace(elsewhere))[-1]
    assert (event.action, event.champion_before, event.forced) == ("promote", champion, True)
    assert model in event.decision.sentence


def test_better_model_is_promoted_automatically(again, data, root):
    found = run_flow(root, "longer", config(data, "enforce", *LONGER)).promotion
    made = decision(root, "longer")
    assert made.champion == "textures-v1"
    assert found.promoted == made.promote
    assert made.promote, found.sentence
    assert registry.aliases(Workspace(root), "textures").champion == found.version


def test_manual_promotion_needs_only_the_run_and_the_test_images(again, root):
    for stage in ("train", "evaluate", "export"):
        shutil.rmtree(root / "cache" / stage)
    said = sightline(f"models promote again --force --reason=see --artifacts={root}").stdout
    assert "forced, against the gate" in " ".join(said.split())


def test_timeout_of_the_gate_costs_only_the_promotion(data, files, run):
    @task(timeout_seconds=0.1, persist_result=False)
    def stuck():
        while True:
            time.sleep(0.01)

    stage: Any = lambda *_: stuck()  # noqa: E731 - takes the place of a timer
    settings = config(data, "enforce")
    candidate = Candidate(
        run=run,
        config=settings,
        source_sha256=locate.locate(settings.data).sha256,
        files=files,
        trained=made_runs.trained(),
        evaluation=made_runs.evaluated(),
    )
    candidate, decision = flow(lambda: evaluate_candidate(stage, candidate), name="judging")()
    assert candidate.certificate is None
    assert not decision.promote
    assert "0.1 second" in decision.sentence


def test_missing_signing_key_is_refused_before_any_training(data, tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_SIGNING_KEY", str(tmp_path / "nowhere.pem"))
    with pytest.raises(InputError, match=r"nowhere\.pem"):
        run_flow(tmp_path, "unsigned", config(data, "enforce"))
    assert not (tmp_path / "cache").exists()


def test_several_seeds_turn_the_promotion_gate_off(data, tmp_path):
    run = Run(id="seeds", workspace=Workspace(tmp_path))
    for count, gate in ((2, "off"), (1, "enforce")):
        planned = seeds.plan(config(data, "enforce"), run, count)
        assert {one.config.promotion.gate for one in planned} == {gate}
