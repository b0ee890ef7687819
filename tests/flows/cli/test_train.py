import json

import pytest
from PIL import Image

from cli import sightline
from tiny_run import TINY

pytestmark = pytest.mark.usefixtures("configured_server", "keras")


def test_notes_on_the_data_are_printed_once_beside_the_result_even_if_cached(place):
    for number in range(60):
        path = place / "photos" / "ab"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 30) if number == 9 else (10, 12), 4 * number).save(path)
    changes = [f"--set={change}" for change in TINY]
    for cached in (False, True):
        done = sightline("train --dataset photos --recipe quickstart --json", *changes)
        assert json.loads(done.stdout)["stages"]["ingest"]["cached"] is cached
        assert done.stderr.count("1 of 60 images were resized to 12x10") == 1
        assert done.stderr.count("Data: ") == 2
