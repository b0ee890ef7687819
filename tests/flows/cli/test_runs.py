import json
import re

import pytest
from PIL import Image

import made_runs
import prunable
import reported_runs
from cli import refused, sightline
from excerpts import CONFIG, excerpt, publish, with_recipe
from sightline.experiments import pins, seed_noise
from sightline.records import Mistake, Report
from sightline.storage.workspace import Workspace


@pytest.fixture
def root(place):
    root = place / "artifacts"
    runs = [
        excerpt(f"mnist-{seed}", seed=seed, accuracy=accuracy, loss=1 - accuracy)
        for seed, accuracy in enumerate((0.990, 0.992, 0.991, 0.980))
    ]
    fast = excerpt("fast", config=with_recipe(CONFIG, "fast"), accuracy=0.98)
    publish(root, *runs, fast, excerpt("zoo", dataset="zoo", accuracy=0.7))
    seed_noise.write(Workspace(root), seed_noise.measure(runs[:3]))
    return root


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
def test_runs_are_sorted_and_filtered_before_the_limit(root, arguments, expected):
    pins.pin(Workspace(root), "mnist-1")
    found = json.loads(sightline(f"runs list --json {arguments}").stdout)
    assert [run["run_id"] for run in found] == expected.split()


def test_list_is_a_table_with_accuracy_balanced_accuracy_and_loss(root):
    shown = sightline("runs list --dataset zoo").stdout
    assert re.search(r"zoo +│ zoo +│ tutorial +│ 70\.00% +│ 35\.00% +│ 0\.0300", shown), shown


def test_list_fits_into_80_columns_with_short_ids_that_other_commands_take(root, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    run_id = "20261129T083609Z-fashion-mnist-quickstart-b5138c"
    publish(root, excerpt(run_id, dataset="fashion-mnist"))
    pins.pin(Workspace(root), run_id)
    shown = sightline("runs list --dataset fashion-mnist").stdout
    assert re.search(r"│ b5138c\* │ fashion-mnist │ tutorial +│ \d", shown), shown
    for line in ("runs pin", "runs unpin"):
        assert run_id in sightline(f"{line} b5138c").stdout
    monkeypatch.setenv("COLUMNS", "60")
    shown = sightline("runs list --dataset fashion-mnist").stdout
    assert re.search(r"│ b5138c │ fashion-mnist │ tutorial +│ \d\d\.\d\d% ", shown), shown
    assert "Seconds" not in shown


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("runs list --since yesterday", "--since 'yesterday'"),
        ("runs list --sort colour", "'--sort'"),
        ("runs list --min-accuracy 98", "'--min-accuracy'"),
        ("runs history --since 7", "--since '7'"),
        ("runs history --last 0", "'--last'"),
        ("train --dataset mnist-5k --seeds 0", "'--seeds'"),
        ("train --dataset mnist-5k --seeds 101", "'--seeds'"),
        ("train --dataset mnist-5k --seeds 2 --set training.seed=2147483647", "training.seed: "),
        ("train --dataset mnist-5k --seeds 2 --run-id night", "'night-s1' .* other config"),
        ("train --dataset mnist-5k --seeds 2 --run-id ../night", "--run-id"),
    ],
)
def test_wrong_input_is_refused_before_any_work(root, line, message):
    publish(root, excerpt("night-s1", seed=1))
    assert re.search(message, refused(line))
    assert not (root / "cache").exists()


def test_show_names_mistakes_and_label_errors_by_their_files(root):
    known = {"label": "cat", "predicted": "dog", "probability": 0.987, "label_probability": 0.01}
    wrong = Mistake(index=640, source="test/[b]cat/7.png", **known)
    doubtful = Mistake(index=3, source="train/cat/3.png", **known)
    report = Report(
        figures={}, thumbnails=(), mistakes=(wrong,), mistakes_total=1, label_errors=(doubtful,)
    )
    made = prunable.publish(Workspace(root), "mine")
    made_runs.write(root, reported_runs.with_records(made, report=report))
    shown = sightline("runs show mine").stdout
    assert re.search(r"│ Accuracy +│ +\d+\.\d\d% │ +\d+\.\d\d% to \d+\.\d\d% │", shown), shown
    assert re.search(r"test/\[b\]cat/7\.png +│ cat +│ dog +│ +98\.7%", shown), shown
    assert re.search(r"Possible label errors .*\n.*\n│ train/cat/3\.png", shown), shown


@pytest.mark.parametrize("command", ["list", "history"])
def test_filter_without_matches_is_reported(root, command):
    assert "No matching runs" in sightline(f"runs {command} --recipe [/b]unknown").stdout
    assert not (root / "history.png").exists()


def test_history_is_a_table_from_the_oldest_to_the_newest_and_a_picture(root):
    shown = sightline("runs history --dataset mnist --output h.png").stdout
    rows = [line for line in shown.splitlines() if "mnist-" in line or "fast" in line]
    names = [re.split(r" *│ *", row)[2] for row in rows]
    assert names == ["mnist-0", "mnist-1", "mnist-2", "mnist-3", "fast"]
    assert "99.00%" in rows[0]
    assert re.search(r"99\.20% .* 99\.01% to 99\.36% +│ \+0\.20 +│ within", rows[1]), rows[1]
    assert re.search(r"-1\.10 +│ beyond", rows[3]), rows[3]
    with Image.open("h.png") as picture:
        picture.verify()
    listed = json.loads(sightline("runs history --dataset mnist --json").stdout)["mnist"]
    assert [run["run_id"] for run in listed] == names
    assert (listed[1]["change"], listed[1]["is_noise"]) == (pytest.approx(0.002), True)
    assert not (root / "history.png").exists()


def test_history_is_that_of_the_newest_runs_data_set_by_default(root):
    shown = sightline("runs history").stdout
    assert "zoo" in shown
    assert "mnist-0" not in shown
    assert "`sightline train --seeds 5`" in shown
    assert (root / "history.png").is_file()


def test_several_data_sets_have_a_table_and_a_panel_each(root):
    shown = sightline("runs history --dataset=zoo --dataset=mnist --last=2 --output=h.png").stdout
    sightline("runs history --dataset=zoo --output=one.png")
    with Image.open("h.png") as both, Image.open("one.png") as one:
        assert both.height > 1.4 * one.height
    assert "zoo" in shown
    assert "mnist-3" in shown
    assert "mnist-2" not in shown


def test_damaged_run_and_damaged_band_cost_a_line_and_not_the_history(root):
    (root / "runs" / "mnist-0" / "manifest.json").write_text("{}")
    (band,) = (root / "noise").iterdir()
    band.write_text("{}")
    done = sightline("runs history --dataset mnist")
    assert "mnist-3" in done.stdout
    assert "mnist-0/manifest.json" in done.stderr
    assert str(band) in done.stderr
