import json
import re
from pathlib import Path

import pytest

import made_runs
import runs_to_compare
from cli import sightline
from runs_to_compare import publish
from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace


@pytest.fixture
def root(place):
    root = place / "artifacts"
    files = runs_to_compare.ingested(root, place)
    publish(root, "run-a", files, [4, 8, 20])
    publish(root, "run-b", files, [8, 30], overrides=["training.epochs=7"], weights="f")
    return root


def test_terminal_shows_differences_and_the_page_is_in_the_artifacts(root):
    shown = sightline("runs compare run-a run-b").stdout
    for expected in (
        r"accuracy +│ 92\.50% \(80\.14% to 97\.42%\) +│ 95\.00% .*│ \+2\.50 points",
        r"training\.epochs +│ 5 +│ 7",
        r"weights +│ differs",
        r"code +│ equal",
        r"ingest +│ 1\.2 \(cached\)",
        r"2 images newly right, 1 newly wrong",
        r"Newly wrong in B +┃",
        r"\[b\]30\.png +│ c +│ c +│ d",
    ):
        assert re.search(expected, shown), shown
    assert f"Page: {root / 'compare.html'}" in shown
    assert (root / "compare.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_holds_all_facts_and_writes_a_page_only_where_it_is_wanted(root):
    done = sightline("runs compare run-a run-b --json")
    found = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert (found["a"]["run_id"], found["b"]["run_id"]) == ("run-a", "run-b")
    assert found["config"] == [{"key": "training.epochs", "a": "5", "b": "7"}]
    assert (found["flips"]["fixed"], found["flips"]["broken"]) == (2, 1)
    assert not (root / "compare.html").exists()
    done = sightline("runs compare run-a run-b --json --output two.html")
    assert json.loads(done.stdout) == found
    assert Path("two.html").is_file()
    assert "two.html" in done.stderr


def test_hostile_names_reach_neither_the_terminal_nor_its_markup(root):
    manifest = run_folder.read(Workspace(root), "run-b")
    stages = {"[bold]\x1b[2J": manifest.stages["ingest"]}
    made_runs.write(root, manifest.model_copy(update={"stages": stages}))
    (run_folder.folder(Workspace(root), "run-b") / "predictions.parquet").unlink()
    shown = sightline("runs compare run-a run-b").stdout
    assert "[bold]\\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert "run-b/predictions.parquet" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run-a run-a", "A and B are the same run"),
        ("run-a nobody", "There is no run 'nobody'"),
        ("run- run-b", "2 runs in .* match 'run-'"),
        ("run-a run-b --output=file/x.html", "cannot be written: File exists"),
        ("run-a run-b --output=file/deeper/x.html", "choose another folder with --output"),
        (f"run-a run-b --output={'n' * 300}", "cannot be written: File name too long"),
        ("run-a run-b --output=/proc/x.html", "cannot be written: No such file or directory"),
        ("run-a run-b --output=/dev/null", "is not a file"),
    ],
)
def test_what_cannot_be_compared_or_written_is_refused(root, arguments, message):
    Path("file").touch()
    done = sightline(f"runs compare --json {arguments}", code=2)
    text = " ".join(done.stderr.split())
    assert re.search(message, text), text
    assert "--artifacts" not in text
    assert "Traceback" not in text
