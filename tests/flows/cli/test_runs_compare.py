import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import made_runs
import runs_to_compare
from runs_to_compare import publish
from sightline.flows.cli.main import app
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("SIGHTLINE_ARTIFACTS", raising=False)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "artifacts"
    files = runs_to_compare.ingested(root, tmp_path)
    publish(root, "run-a", files, [4, 8, 20])
    publish(root, "run-b", files, [8, 30], overrides=["training.epochs=7"], weights="f")
    return root


def compare(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["runs", "compare", *arguments])


def test_terminal_shows_differences_and_the_page_is_in_the_artifacts(root: Path) -> None:
    done = compare("run-a", "run-b")
    assert done.exit_code == 0, done.output
    for expected in (
        r"accuracy +│ 92\.50% \(80\.14% to 97\.42%\) +│ 95\.00% .*│ \+2\.50 points",
        r"training\.epochs +│ 5 +│ 7",
        r"weights +│ differs",
        r"code +│ equal",
        r"ingest +│ 1\.2 \(cached\)",
        r"2 images newly right, 1 newly wrong",
    ):
        assert re.search(expected, done.stdout), done.stdout
    assert f"Page: {root / 'compare.html'}" in done.stdout
    assert (root / "compare.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_holds_all_facts_and_writes_no_page(root: Path) -> None:
    done = compare("run-a", "run-b", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert (found["a"]["run_id"], found["b"]["run_id"]) == ("run-a", "run-b")
    assert found["config"] == [{"key": "training.epochs", "a": "5", "b": "7"}]
    assert (found["flips"]["fixed"], found["flips"]["broken"]) == (2, 1)
    assert not (root / "compare.html").exists()


def test_page_is_written_where_it_is_wanted(root: Path) -> None:
    done = compare("run-a", "run-b", "--json", "--output", "two.html")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)
    assert Path("two.html").is_file()
    assert "two.html" in done.stderr


def test_hostile_names_reach_neither_the_terminal_nor_its_markup(root: Path) -> None:
    manifest = run_folder.read(Workspace(root), "run-b")
    stages = {"[bold]\x1b[2J": manifest.stages["ingest"]}
    made_runs.write(root, manifest.model_copy(update={"stages": stages}))
    (run_folder.folder(Workspace(root), "run-b") / "predictions.parquet").unlink()
    done = compare("run-a", "run-b")
    assert done.exit_code == 0, done.output
    assert "[bold]\\x1b[2J" in done.stdout
    assert "\x1b[2J" not in done.stdout
    assert "run-b/predictions.parquet" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run-a run-a", "A and B are the same run"),
        ("run-a nobody", "There is no run 'nobody'"),
        ("run- run-b", "2 runs in .* begin with 'run-'"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(root: Path, arguments: str, message: str) -> None:
    done = compare(*arguments.split())
    assert done.exit_code == 2
    assert re.search(message, " ".join(done.stderr.split())), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("file/x.html", "cannot be written: File exists"),
        ("file/deeper/x.html", "choose another folder with --output"),
        ("n" * 300, "cannot be written: File name too long"),
        ("/proc/x.html", "cannot be written: No such file or directory"),
        ("/dev/null", "is not a file"),
    ],
)
def test_output_that_cannot_be_written_is_refused(root: Path, output: str, message: str) -> None:
    Path("file").touch()
    done = compare("run-a", "run-b", "--json", f"--output={output}")
    assert done.exit_code == 2, done.exception
    assert message in " ".join(done.stderr.split())
    assert "--artifacts" not in done.stderr
    assert "Traceback" not in done.stderr
