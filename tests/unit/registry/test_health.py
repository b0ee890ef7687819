from datetime import UTC, datetime

from runs_to_promote import decide, promote, register
from sightline import registry
from sightline.prediction.scoring.place import LATEST
from sightline.records import ScoringStatus
from sightline.registry import health
from sightline.storage.workspace import Workspace


def refuse(workspace, run_id):
    version = register(workspace.root, run_id)
    champion = registry.aliases(workspace, "mnist").champion
    registry.refuse(workspace, version, decide(run_id, champion, promote=False))


def test_intact_champion_has_its_figures_and_the_refusals_since_its_promotion(workspace):
    refuse(workspace, "run-1")
    version = promote(workspace.root, "run-2")
    for number in (3, 4):
        refuse(workspace, f"run-{number}")
    (found,) = health.champions(workspace)
    assert (found.dataset, found.champion, found.damages) == ("mnist", "mnist-v2", ())
    assert (found.accuracy, found.accuracy_interval) == (0.99, version.accuracy_interval)
    assert (found.registered, found.age_days, found.refused) == (version.created, 0, 2)
    assert found.decision.startswith("mnist-v4 refused: It is not better")


def test_damaged_champion_or_log_is_reported_and_the_other_data_sets_are_examined(workspace):
    for dataset in ("digits", "mnist"):
        promote(workspace.root, f"run-{dataset}", dataset)
    (workspace.root / "models/digits/versions/1/model.keras").write_bytes(b"damaged")
    (workspace.root / "models/mnist/audit/000001.json").write_bytes(b"{}")
    digits, mnist = health.champions(workspace)
    assert "models/digits/versions/1/model.keras" in digits.damages[0]
    assert (mnist.champion, mnist.accuracy) == (None, None)
    assert "000001.json cannot be read" in mnist.damages[0]


def test_scores_of_the_champion_are_found_and_unreadable_ones_left_out(workspace):
    promote(workspace.root, "run-1")
    known = {"data": "/srv", "created": datetime.now(UTC), "images": 9, "drift": True}
    for name, content in (
        ("inbox", ScoringStatus(name="inbox", model="mnist-v1", **known).model_dump_json()),
        ("older", ScoringStatus(name="older", model="mnist-v0", **known).model_dump_json()),
        ("broken", "{"),
    ):
        path = workspace.root / "scores" / name / LATEST
        path.parent.mkdir(parents=True)
        path.write_text(content)
    (found,) = health.champions(workspace)
    assert [one.name for one in found.scores] == ["inbox"]


def test_workspace_without_models_has_no_champions(tmp_path):
    assert health.champions(Workspace(tmp_path / "nothing")) == []
