import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from elsewhere import at_work_elsewhere
from examples import write_npz
from sightline.config import RunConfig, loading
from sightline.flows.cli.main import app
from sightline.flows.train import training_flow
from sightline.records import Run, RunSummary
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.usefixtures("prefect_api", "keras", "wide")

STAGES = ["ingest", "preprocess", "build", "train", "evaluate", "report"]


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    path = write_npz(tmp_path_factory.mktemp("data") / "textures.npz")
    return loading.load("quickstart", overrides=["training.epochs=1"], dataset=str(path))


def longer(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"training": config.training.model_copy(update={"epochs": 2})})


@pytest.fixture(scope="module")
def root(prefect_api: None, tmp_path_factory: pytest.TempPathFactory, config: RunConfig) -> Path:
    """Two runs that share the entries of ingest, preprocess and build."""
    root = tmp_path_factory.mktemp("artifacts")
    training_flow(longer(config), Run(id="old", workspace=Workspace(root)))
    training_flow(config, Run(id="new", workspace=Workspace(root)))
    return root


def invoke(command: str, root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["runs", command, *arguments, "--artifacts", str(root)])


def cached(summary: RunSummary) -> list[str]:
    return [name for name, stage in summary.stages.items() if stage.cached]


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


# The tests below follow one artifacts folder through its life, in this order.


def test_dry_run_says_what_would_go_and_changes_nothing(root: Path) -> None:
    before = names(root)
    result = invoke("prune", root, "--keep", "1", "--dry-run")
    assert result.exit_code == 0, result.output
    assert names(root) == before
    assert re.search(r"old +│ \d{4}-\d\d-\d\d \d\d:\d\d +│ +[\d.]+ [kM]B", result.stdout)
    for stage, count in (("train", 1), ("evaluate", 1), ("report", 1)):
        assert re.search(rf"cache of {stage} +│ +{count} │ +[\d.]+ [kM]B", result.stdout)
    assert "cache of ingest" not in result.stdout
    assert re.search(
        r"Would free [\d.]+ MB \(runs: 1, cache entries: 3\)\. Nothing was removed", result.stdout
    )
    assert "Kept runs: 1 (among the newest)." in result.stdout
    assert result.stderr == ""


def test_clean_up_is_refused_while_a_run_is_at_work_and_a_dry_run_says_so(root: Path) -> None:
    with at_work_elsewhere(root):
        refused = invoke("prune", root, "--keep", "1")
        dry = invoke("prune", root, "--keep", "1", "--dry-run")
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert str(root) in refused.stderr
    assert "prune when it has ended" in " ".join(refused.stderr.split())
    assert dry.exit_code == 0
    assert "A run is active" in dry.stderr
    assert run_folder.run_ids(Workspace(root)) == ["new", "old"]


def test_pinned_run_is_marked_and_never_pruned(root: Path) -> None:
    assert "Pinned old." in invoke("pin", root, "old", "--reason", "in the [paper]").stdout
    listed = invoke("list", root).stdout
    assert re.search(r"│ \* │ old ", listed)
    assert re.search(r"│   │ new ", listed)
    assert "pinned: never pruned" in listed
    assert re.search(r"pinned +│ .* UTC: in the \[paper\]", invoke("show", root, "old").stdout)
    result = invoke("prune", root, "--keep", "1")
    assert result.exit_code == 0, result.output
    assert "Nothing to remove." in result.stdout
    assert "Kept runs: 1 (among the newest), 1 (pinned)." in result.stdout
    assert "Unpinned old." in invoke("unpin", root, "old").stdout
    assert "pinned" not in invoke("list", root).stdout


def test_unreadable_run_is_named_and_the_cache_stays(root: Path) -> None:
    manifest = run_folder.folder(Workspace(root), "old") / "manifest.json"
    whole = manifest.rename(root / "whole.json")
    manifest.write_bytes(whole.read_bytes()[:100])
    before = names(root)
    result = invoke("prune", root, "--keep", "1")
    assert names(root) == before
    whole.rename(manifest)
    assert result.exit_code == 0, result.output
    assert "Skipped: runs/old: " in result.stderr
    assert "cache entr" in result.stderr


def test_clean_up_removes_the_old_run_and_what_only_it_needed(root: Path) -> None:
    result = invoke("prune", root, "--keep", "1", "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    removed = json.loads(result.stdout)
    assert removed["dry_run"] is False
    assert [run["run_id"] for run in removed["runs"]] == ["old"]
    assert [entry["stage"] for entry in removed["entries"]] == ["evaluate", "report", "train"]
    assert removed["bytes"] == sum(
        item["bytes"] for item in (*removed["runs"], *removed["entries"])
    )
    assert run_folder.run_ids(Workspace(root)) == ["new"]


def test_kept_run_is_made_again_wholly_from_the_cache(root: Path, config: RunConfig) -> None:
    assert cached(training_flow(config, Run(id="again", workspace=Workspace(root)))) == STAGES


def test_removed_run_is_made_again_from_what_it_shared(root: Path, config: RunConfig) -> None:
    summary = training_flow(longer(config), Run(id="old-again", workspace=Workspace(root)))
    assert cached(summary) == ["ingest", "preprocess", "build"]


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("prune", ["--keep", "0"], "'--keep'"),
        ("pin", ["nothing"], "no run 'nothing'"),
        ("unpin", ["new"], "'new' is not pinned"),
    ],
)
def test_mistake_ends_with_2(root: Path, command: str, arguments: list[str], message: str) -> None:
    result = invoke(command, root, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_missing_artifacts_folder_is_refused_and_not_made(tmp_path: Path) -> None:
    result = invoke("prune", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "--artifacts" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_gives_examples() -> None:
    result = CliRunner().invoke(app, ["runs", "prune", "--help"])
    assert "sightline runs prune --keep 30 --dry-run" in result.stdout
