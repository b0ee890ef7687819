"""The look at a data set before a training: recognition, estimate, settings, quality, samples."""

import json
import re
import shlex
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from cli import refused, sightline
from examples import pictures, write_npz


def paint(folder, *names, size=(8, 8)):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, 7 * number).save(path)
    return folder


@pytest.mark.parametrize("artifacts", ["artifacts", "x[/b]"])
def test_inspect_shows_the_data_and_draws_samples(place, artifacts):
    write_npz(place / "textures.npz")
    shown = sightline(f"datasets inspect textures.npz --artifacts {artifacts}").stdout
    for expected in (
        "Source.*/textures.npz",
        "NPZ archive; train: 160 .array x_train., test: 40",
        "array y_train: 4 classes in this order: 0, 1, 2, 3",
        "12x12 pixels, grayscale",
        "Left out .*nothing",
        r"Estimate.* 28.1 KiB on disk; on two idle CPU cores, a few",
        "train.*160.*0.*239",
        "SHA-256: [0-9a-f]{64}",
        "leaks.*passed.*No test image is equal to a training or validation image",
        rf"Findings: .*/{re.escape(artifacts)}/cache/ingest/\w+/findings\.parquet",
        rf"Samples: .*/{re.escape(artifacts)}/datasets/textures-samples\.png",
    ):
        assert re.search(expected, shown), (expected, shown)
    picture = place / artifacts / "datasets" / "textures-samples.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_was_recognized_comes_before_the_work_and_the_result_after_it(place):
    write_npz(place / "textures.npz", train=8, test=8)
    shown = sightline("datasets inspect textures.npz").stdout
    order = ["NPZ archive", "Estimate", "sightline train", "Pixel min", "Data gate", "Samples:"]
    places = [shown.index(text) for text in order]
    assert places == sorted(places)


def test_command_pins_what_was_chosen_and_changes_nothing(place):
    rows = [f"{'ab'[number % 2]}," + ",".join([str(number)] * 64) for number in range(20)]
    (place / "my table.csv").write_text("\n".join(rows))
    found = json.loads(sightline("datasets inspect 'my table.csv' --json").stdout)
    words = shlex.split(found["command"].replace("\\\n", ""))
    assert words[:4] == ["sightline", "train", "--dataset", "my table.csv"]
    pinned = [word for flag, word in pairwise(words) if flag == "--set"]
    assert pinned == [
        *("data.label_column=0", "data.image_size=[8,8]", "data.channels=1"),
        "data.test_fraction=0.2",
    ]
    assert words[5] == found["recipe"] == "fast"
    again = ["--recipe", words[5], *(f"--set={one}" for one in pinned)]
    assert json.loads(sightline("datasets inspect 'my table.csv' --json", *again).stdout)[
        "counts"
    ] == {"train": [8, 8], "test": [2, 2]}


def test_command_has_what_the_config_and_the_options_state_instead_of_what_was_recommended(place):
    names = [f"{'ab'[number % 2]}/{number}.png" for number in range(8)]
    paint(place / "photos", *names, size=(200, 100))
    (place / "own.toml").write_text("[data]\nimage_size = [32, 32]\n")
    line = "datasets inspect photos --json --config own.toml --set embedding.views=1"
    words = shlex.split(json.loads(sightline(line).stdout)["command"].replace("\\\n", ""))
    assert words[4:8] == ["--recipe", "photos", "--config", "own.toml"]
    pinned = [word for flag, word in pairwise(words) if flag == "--set"]
    assert pinned[:2] == ["data.image_size=[32, 32]", "training.epochs=40"]
    assert [one for one in pinned if "views" in one] == ["embedding.views=1"]


def test_json_has_the_same_facts_and_nothing_else(place):
    names = [f"{'ab'[number % 2]}/{number}.png" for number in range(20)]
    (paint(place / "photos", *names) / "a" / "notes.txt").write_text("x")
    for _ in range(2):
        found = json.loads(sightline("datasets inspect photos --json").stdout)
        assert found["format"] == "image folder"
        assert found["label_source"] == "class folders"
        assert found["class_names"] == ["a", "b"]
        assert found["left_out"] == {".txt": 1}
        assert found["decisions"] == [note for note in found["notes"] if "1 .txt" in note]
        assert found["stored_bytes"] == found["estimate"]["ingest_bytes"] == 20 * 64
        assert {one["name"]: one["outcome"] for one in found["gate"]["checks"]}["leaks"]
        assert found["inspection"]["profiles"]["train"]["images"] == 16
    assert found["estimate"]["ingest_seconds"] == 0  # from the cache


def test_samples_are_three_of_each_class_and_bounded_for_many_classes(place, monkeypatch):
    drawn = []
    target = "sightline.flows.cli.datasets_inspect.draw_titled_samples"
    monkeypatch.setattr(target, lambda _, images, names, title, __: drawn.append((names, title)))
    for classes, each in ((4, 3), (50, 2), (130, 1)):
        images = np.random.default_rng(1).integers(0, 255, (4 * classes, 8, 8), dtype=np.uint8)
        labels = np.arange(len(images)) % classes
        np.savez(f"x{classes}.npz", x_train=images, y_train=labels)
        sightline(f"datasets inspect x{classes}.npz")
        names, title = drawn[-1]
        shown = min(classes, 120)
        assert names == [str(label) for label in range(shown) for _ in range(each)]
        assert ("(120 of 130 classes)" in title) is (classes > 120)


def test_inspect_shows_what_was_left_out_and_every_note(place):
    names = ["train/cat.1.png", "train/cat.2.png", "train/dog.3.png", "train/dog.4.png"]
    paint(place / "in" / "mine", *names, "test1/5.png")
    shown = sightline(r"datasets inspect ./in --set 'data.label_pattern=^(\w+)\.'").stdout
    assert "image folder; train: 2, test: 2 (set aside at random)" in shown
    assert "file names, by data.label_pattern: 2 classes" in shown
    assert "Without labels: 1 image(s) of the test split" in shown
    assert "data lie in the folder mine" in shown


def test_inspect_shows_what_would_stop_a_run(place):
    images, labels = pictures(20, 0)
    np.savez("leak.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    shown = sightline("datasets inspect leak.npz --set data_gate.leaks.action=fail").stdout
    assert re.search(r"leaks.*failed.*20 of 20 test images \(100%\)", shown)


def test_inspect_takes_settings(place):
    rows = [f"{kind}," + ",".join(["7"] * 64) for kind in ("a", "b") * 10]
    header = "kind," + ",".join(f"p{number}" for number in range(64))
    (place / "table.csv").write_text("\n".join([header, *rows]))
    done = sightline("datasets inspect table.csv --set data.label_column=kind")
    assert "column kind of table.csv: 2 classes" in done.stdout
    assert "8x8 pixels" in done.stdout
    assert "label" in refused("datasets inspect table.csv")
