import json
import re

import pytest
from PIL import Image

from cli import sightline
from examples import write_npz
from tiny_run import TINY

pytestmark = pytest.mark.usefixtures("configured_server", "keras")


def test_what_was_recognized_is_printed_once_beside_the_result_even_if_cached(place):
    for number in range(60):
        path = place / "photos" / "ab"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 30) if number == 9 else (10, 12), 4 * number).save(path)
    for name in ("1.nef", "2.nef"):
        (place / "photos" / "a" / name).touch()
    changes = [f"--set={change}" for change in TINY]
    for cached in (False, True):
        line = "train --dataset photos --recipe quickstart --json"
        planned = json.loads(sightline(f"{line} --dry-run", *changes).stdout)
        states = {stage["cached"] for stage in planned["stages"]}
        assert states == ({True} if cached else {False, None})
        assert (planned["estimate"] is None) is cached
        done = sightline(line, *changes)
        start = rf"Run {json.loads(done.stdout)['run_id']}, data set photos, recipe quickstart\n"
        assert re.match(start, done.stderr), "before everything else"
        assert json.loads(done.stdout)["stages"]["ingest"]["cached"] is cached
        lines = [line.partition(": ") for line in done.stderr.splitlines()]
        found = {title: text for title, _, text in lines}
        titles = ["Data", "Labels", "Images", "Left out", *([] if cached else ["Estimate"]), "Note"]
        assert [title for title, *_ in lines if title in {*titles, "Estimate"}] == titles
        assert found["Data"] == "image folder; train: 48, test: 12 (set aside at random)"
        assert found["Labels"] == "class folders: 2 classes in this order: a, b"
        assert "12x10 pixels, grayscale" in found["Images"]
        assert found["Left out"].endswith(" images: 2 file(s): 2 .nef")
        warned = "Data: 2 of 62 files (3.23%) were left out: 2 .nef."
        assert warned in json.loads(done.stdout)["warnings"]
        assert "1 of 60 images were resized to 12x10" in found["Note"]
    ingested = json.loads(sightline("runs show latest --json").stdout)["records"]["ingest"]
    assert [found["Note"]] == ingested["decisions"][1:] == ingested["notes"][1:2]
    assert ingested["label_source"] == "class folders"
    assert "data.image_size=[12,10]" in ingested["chosen"]


def test_dry_run_shows_stages_and_an_estimate_and_leaves_nothing(place):
    write_npz(place / "textures.npz")
    done = sightline("train --dataset textures.npz --recipe fast --dry-run")
    assert re.search(r"ingest +│ no +│", done.stdout)
    assert re.search(r"train +│ known after ingest +│", done.stdout)
    assert re.search(r"Estimate: .* on disk", done.stdout)
    named = sightline("train --dataset mnist --recipe fast --dry-run").stdout
    assert "`sightline datasets inspect mnist`" in named
    files = [path for path in (place / "artifacts").rglob("*") if path.is_file()]
    assert not [path for path in files if not path.name.startswith(".")]
