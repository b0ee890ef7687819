import csv
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import refused
from cli import sightline as command
from examples import pictures
from published_textures import RUN_ID
from run_to_predict import write_pictures
from sightline.data.readers.base import Form
from sightline.errors import DataError
from sightline.prediction.active_learning.candidates import Search
from sightline.storage.workspace import Workspace

MIXED = range(40, 60)  # Images between two textures


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    """Clear textures, mixtures of two, copies of these, training images, a broken file."""
    folder = tmp_path_factory.mktemp("unlabelled") / "<b>new"
    clear, _ = pictures(40, 11)
    mixed = ((clear[:20].astype(int) + clear[1:21]) // 2).astype(np.uint8)
    training, _ = pictures(160, 1)
    write_pictures(folder, np.concatenate([clear, mixed, mixed[:5], training[:10]]))
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def suggest(published, unlabelled, tmp_path):
    def suggest(output, *more):
        root = str(published.workspace.root)
        arguments = [str(unlabelled), "--artifacts", root, "--model", RUN_ID, *more]
        return command("labels suggest", *arguments, "--output", str(tmp_path / output))

    return suggest


def names(folder):
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return [row["file"] for row in csv.DictReader(file)]


def test_uncertain_images_that_are_new_are_handed_over_once(suggest, tmp_path, unlabelled):
    found = json.loads(suggest("one", "--count", "8", "--json").stdout)
    folder = tmp_path / "one"
    assert len(found["images"]) == 8
    assert found["examined"] == 76
    assert found["unreadable"] == 1
    assert found["duplicates"] >= 15  # five copies, ten training images
    chosen = names(folder)
    numbers = {int(name.removesuffix(".png")) for name in chosen}
    assert len(numbers & set(MIXED)) >= 5  # of the images, a third
    assert max(numbers) < 60
    margins = [one["margin"] for one in found["images"]]
    assert margins == sorted(margins)
    assert {one["nearest"] for one in found["images"]} <= {"0", "1", "2", "3"}
    assert sorted(path.name for path in (folder / "images").iterdir()) == sorted(chosen)
    original = unlabelled / chosen[0]
    assert (folder / "images" / chosen[0]).read_bytes() == original.read_bytes()
    assert sorted(path.name for path in (folder / "classes").iterdir()) == ["0", "1", "2", "3"]


def test_images_that_arrive_or_go_meanwhile_shift_no_rows(tmp_path):
    folder, table = tmp_path / "images", tmp_path / "predictions.parquet"
    write_pictures(folder, pictures(4, 1)[0])
    listed = [str(path) for path in sorted(folder.iterdir())]
    pq.write_table(pa.table({"input": listed}), table)
    (folder / "0000.png").rename(folder / "000.png")
    search = Search(Workspace(tmp_path), table, Form((12, 12, 1), "stretch"), None)
    found = search._files(np.array([3, 1]))
    assert [(one.row, str(one.path)) for one in found] == [(3, listed[3]), (1, listed[1])]
    with pytest.raises(DataError, match=r"0000\.png cannot be read any more"):
        search._files(np.array([0]))


def test_equal_seeds_choose_equally_and_links_replace_copies(suggest, tmp_path):
    suggest("one", "--count", "6")
    suggest("two", "--count", "6", "--link")
    assert names(tmp_path / "one") == names(tmp_path / "two")
    assert all(path.is_symlink() for path in (tmp_path / "two" / "images").iterdir())


def test_page_works_offline_with_a_picture_of_each_image(suggest, tmp_path):
    suggest("one", "--count", "6")
    page = (tmp_path / "one" / "index.html").read_text()
    assert page.count("data:image/webp;base64,") == 6
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert all(name in page for name in names(tmp_path / "one"))
    assert "<b>new" not in page


def test_folder_with_labels_is_not_replaced(suggest, tmp_path, unlabelled):
    suggest("one", "--count", "2")
    arguments = f"--output {tmp_path / 'one'}"
    assert "choose a new folder" in refused(f"labels suggest '{unlabelled}' {arguments}")
    assert "/proc" in refused(f"labels suggest '{unlabelled}' --output /proc/new")
