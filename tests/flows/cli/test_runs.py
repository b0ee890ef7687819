import json
import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from excerpts import CONFIG, excerpt, publish, with_recipe
from sightline.flows.cli.main import app
from sightline.runs import pins, seed_noise
from sightline.storage.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "artifacts"
    runs = [
        excerpt(f"mnist-{seed}", seed=seed, accuracy=accuracy, loss=1 - accuracy)
        for seed, accuracy in enumerate((0.990, 0.992, 0.991, 0.980))
    ]
    others = [
        excerpt("fast", config=with_recipe(CONFIG, "fast"), accuracy=0.98),
        excerpt("zoo", dataset="zoo", accuracy=0.7),
    ]
    publish(root, *runs, *others)
    seed_noise.write(Workspace(root), seed_noise.measure(runs[:3]))
    return root


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["runs", *arguments])


def listed(*arguments: str) -> list[str]:
    done = invoke("list", "--json", *arguments)
    assert done.exit_code == 0, done.stderr
    return [run["run_id"] for run in json.loads(done.stdout)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "zoo fast mnist-3 mnist-2 mnist-1 mnist-0"),
        ("--limit 2", "zoo fast"),
        ("--reverse --limit 2", "mnist-0 mnist-1"),
        ("--sort accuracy --limit 3", "mnist-1 mnist-2 mnist-0"),
        ("--sort accuracy --reverse --limit 1", "zoo"),
        ("--sort dataset --limit 1", "fast"),
        ("--dataset mnist --limit 2", "fast mnist-3"),
        ("--dataset ./elsewhere/Zoo.npz", "zoo"),
        ("--recipe fast", "fast"),
        ("--since 2026-11-28", "zoo fast"),
        ("--min-accuracy 0.99 --sort loss", "mnist-1 mnist-2 mnist-0"),
        ("--pinned", "mnist-1"),
    ],
)
def test_runs_are_sorted_and_filtered_before_the_limit(
    root: Path, arguments: str, expected: str
) -> None:
    pins.pin(Workspace(root), "mnist-1")
    assert listed(*arguments.split()) == expected.split()


def test_list_is_a_table_with_accuracy_and_loss(root: Path) -> None:
    done = invoke("list", "--dataset", "zoo")
    assert re.search(r"zoo +│ zoo +│ tutorial +│ 70\.00% +│ 0\.0300", done.stdout), done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("list --since yesterday", "--since 'yesterday'"),
        ("list --sort colour", "'--sort'"),
        ("list --min-accuracy 98", "'--min-accuracy'"),
        ("history --since 7", "--since '7'"),
        ("history --last 0", "'--last'"),
    ],
)
def test_wrong_filter_is_refused(root: Path, arguments: str, message: str) -> None:
    done = invoke(*arguments.split())
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["list", "history"])
def test_filter_without_matches_is_reported(root: Path, command: str) -> None:
    done = invoke(command, "--recipe", "[/b]unknown")
    assert done.exit_code == 0
    assert "No matching runs" in done.stdout
    assert not (root / "history.png").exists()


def test_history_is_a_table_from_the_oldest_to_the_newest_and_a_picture(root: Path) -> None:
    done = invoke("history", "--dataset", "mnist", "--output", "h.png")
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if "mnist-" in line or "fast" in line]
    assert [re.split(r" *│ *", row)[2] for row in rows] == [
        *(f"mnist-{seed}" for seed in range(4)),
        "fast",
    ]
    assert "99.00%" in rows[0]
    assert re.search(r"99\.20% .* 99\.01% to 99\.36% +│ \+0\.20 +│ within", rows[1]), rows[1]
    assert re.search(r"-1\.10 +│ beyond", rows[3]), rows[3]
    with Image.open("h.png") as picture:
        picture.verify()


def test_history_is_that_of_the_newest_runs_data_set_by_default(root: Path) -> None:
    done = invoke("history")
    assert "zoo" in done.stdout
    assert "mnist-0" not in done.stdout
    assert "`sightline train --seeds 5`" in done.stdout
    assert (root / "history.png").is_file()


def test_several_data_sets_have_a_table_and_a_panel_each(root: Path) -> None:
    done = invoke("history", "--dataset=zoo", "--dataset=mnist", "--last=2", "--output=h.png")
    with Image.open("h.png") as picture:
        assert picture.height > 1200
    assert "zoo" in done.stdout
    assert "mnist-3" in done.stdout
    assert "mnist-2" not in done.stdout


def test_damaged_run_and_damaged_band_cost_a_line_and_not_the_history(root: Path) -> None:
    (root / "runs" / "mnist-0" / "manifest.json").write_text("{}")
    (band,) = (root / "noise").iterdir()
    band.write_text("{}")
    done = invoke("history", "--dataset", "mnist")
    assert done.exit_code == 0
    assert "mnist-3" in done.stdout
    assert "mnist-0/manifest.json" in done.stderr
    assert str(band) in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--seeds 0", "'--seeds'"),
        ("--seeds 101", "'--seeds'"),
        ("--seeds 2 --set training.seed=2147483647", "training.seed: "),
        ("--seeds 2 --run-id night", "'night-s1' .* other config"),
        ("--seeds 2 --run-id ../night", "--run-id"),
    ],
)
def test_seeds_that_cannot_be_trained_end_the_command_before_any_work(
    root: Path, arguments: str, message: str
) -> None:
    publish(root, excerpt("night-s1", seed=1))
    done = CliRunner().invoke(app, ["train", "--dataset", "mnist-5k", *arguments.split()])
    assert done.exit_code == 2
    assert re.search(message, " ".join(done.stderr.split())), done.stderr
    assert not (root / "cache").exists()
