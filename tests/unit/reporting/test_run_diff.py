import re
import shutil

import pytest

import runs_to_compare
from html_page import Page, check_self_contained
from runs_to_compare import HOSTILE, publish
from sightline.errors import StorageError
from sightline.experiments import compare, run_folder
from sightline.records.manifest import RunManifest
from sightline.reporting import run_diff
from sightline.storage.workspace import Workspace

Pair = tuple[RunManifest, RunManifest]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "artifacts"


@pytest.fixture
def files(root, tmp_path):
    return runs_to_compare.ingested(root, tmp_path)


@pytest.fixture
def pair(root, files):
    """A has rows 4, 8 and 20 wrong; B row 8, and 30 to 33."""
    before = publish(root, "run-a", files, [4, 8, 20])
    wrong = [8, 30, 31, 32, 33]
    return before, publish(
        root, "run-b", files, wrong, overrides=["training.epochs=7"], weights="f"
    )


def rendered(root, pair):
    return run_diff.render(Workspace(root), pair, compare.compare(Workspace(root), pair))


@pytest.fixture
def html(root, pair):
    return rendered(root, pair)


def test_page_shows_what_differs(html):
    page = Page(html)
    for row in (
        ["training.epochs", "5", "7"],
        ["weights", "no", "aaaaaaaaaaaaaaaa…", "ffffffffffffffff…"],
        ["ingest", "1.2 (cached)", "1.2 (cached)"],
        ["parameters", "141,258", "141,258", "0"],
        ["model file", "1.0 kB", "1.0 kB", ""],
        ["accuracy", "92.50%80.14% to 97.42%", "87.50%73.89% to 94.54%", "-5.00 points"],
    ):
        assert row in page.rows
    assert "p = 0.69" in page.text


def test_one_epoch_is_singular(root, pair):
    found = compare.compare(Workspace(root), pair)
    found = found.model_copy(update={"b": found.b.model_copy(update={"epochs": 1})})
    text = Page(run_diff.render(Workspace(root), pair, found)).text
    assert "2 epochs on cpu" in text
    assert "1 epoch on cpu" in text


def test_page_is_self_contained_and_accessible(html):
    check_self_contained(Page(html))
    assert "url(" not in html


def test_changed_images_are_shown_with_both_predictions(html):
    _curves, *alts = (image["alt"] for image in Page(html).attributes("img"))
    assert [alt.partition(":")[0] for alt in alts] == [
        *(f"Test image [b]{row}.png, newly wrong" for row in (33, 32, 31, 30)),
        *(f"Test image [b]{row}.png, newly correct" for row in (20, 4)),
    ]
    assert re.search(": b; A .* b, B .* c$", alts[0])


def test_class_names_cannot_break_out_of_the_page(html):
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [bold]x[/bold] \\x1b[2J" in html


def test_page_is_the_same_each_time(root, pair, html):
    assert rendered(root, pair) == html


@pytest.mark.parametrize("damage", ["pruned", "flipped"])
def test_missing_images_cost_only_the_images(root, pair, damage):
    path = root / pair[0].records.ingest.images["test"].path
    if damage == "pruned":
        shutil.rmtree(root / "cache")
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    page = Page(rendered(root, pair))
    assert str(path) in page.text
    assert len(page.attributes("img")) == 1
    assert page.text.count("A predicts") == 6


def test_missing_history_costs_only_the_curves(root, pair):
    (run_folder.folder(Workspace(root), "run-b") / "history.parquet").unlink()
    page = Page(rendered(root, pair))
    assert "history.parquet" in page.text
    assert len(page.attributes("img")) == 6


def test_runs_of_other_data_have_no_classes_and_no_images(root, files):
    other = files.model_copy(update={"class_names": ("w", "x", "y", "z")})
    pair = publish(root, "run-a", files, [4]), publish(root, "run-b", other, [8], weights="f")
    page = Page(rendered(root, pair))
    assert "classes" not in page.ids()
    assert len(page.attributes("img")) == 1
    assert [tag for tag in page.attributes("dd") if tag.get("class") == "warning"]


def test_page_replaces_only_files(root, pair, tmp_path):
    found = compare.compare(Workspace(root), pair)
    run_diff.write(tmp_path / "new" / "page.html", Workspace(root), pair, found)
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE")
    with pytest.raises(StorageError, match=str(tmp_path)):
        run_diff.write(tmp_path, Workspace(root), pair, found)
