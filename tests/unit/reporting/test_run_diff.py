import re
from itertools import pairwise
from pathlib import Path

import pytest

import runs_to_compare
from runs_to_compare import HOSTILE, publish
from sightline.errors import StorageError
from sightline.records import DatasetFiles
from sightline.records.manifest import RunManifest
from sightline.reporting import run_diff
from sightline.runs import compare, run_folder
from sightline.storage.workspace import Workspace

Pair = tuple[RunManifest, RunManifest]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def files(root: Path, tmp_path: Path) -> DatasetFiles:
    return runs_to_compare.ingested(root, tmp_path)


@pytest.fixture
def pair(root: Path, files: DatasetFiles) -> Pair:
    """A has rows 4, 8 and 20 wrong; B row 8, and 30 to 33."""
    before = publish(root, "run-a", files, [4, 8, 20])
    wrong = [8, 30, 31, 32, 33]
    return before, publish(
        root, "run-b", files, wrong, overrides=["training.epochs=7"], weights="f"
    )


def rendered(root: Path, pair: Pair) -> str:
    return run_diff.render(Workspace(root), pair, compare.compare(Workspace(root), pair))


@pytest.fixture
def html(root: Path, pair: Pair) -> str:
    return rendered(root, pair)


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html[html.index("<body>") :]).split())


def test_page_tells_what_differs(html: str) -> None:
    text = text_of(html)
    assert html.startswith("<!DOCTYPE html>")
    for expected in (
        "run-a",
        "run-b",
        "not significant",
        "accuracy 92.50% 80.14% to 97.42% 87.50% 73.89% to 94.54% -5.00 points",
        "training.epochs 5 7",
        "weights no aaaaaaaaaaaaaaaa… ffffffffffffffff…",
        "ingest 1.2 (cached) 1.2 (cached)",
        "141,258",
        "1.0 kB",
        "Machine, versions and device are equal.",
        "p = 0.69",
    ):
        assert expected in text, text


def test_one_epoch_is_no_epochs(root: Path, pair: Pair) -> None:
    found = compare.compare(Workspace(root), pair)
    found = found.model_copy(update={"b": found.b.model_copy(update={"epochs": 1})})
    text = text_of(run_diff.render(Workspace(root), pair, found))
    assert "2 epochs on cpu" in text
    assert "1 epoch on cpu" in text


def test_page_loads_nothing_from_anywhere_and_runs_nothing(html: str) -> None:
    addresses = re.findall(r'(?:src|href|action|srcset)="([^"]*)"', html)
    assert all(address.startswith(("data:image/png;", "#")) for address in addresses)
    assert "<script" not in html
    assert "url(" not in html
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in html


def test_contents_list_leads_to_every_section(html: str) -> None:
    assert re.findall(r'<a href="#(\w+)">', html) == re.findall(r'<section id="(\w+)">', html)


def test_headings_go_down_one_step_at_a_time(html: str) -> None:
    levels = [int(level) for level in re.findall(r"<h(\d)>", html)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_what_scrolls_sideways_is_reached_by_keyboard(html: str) -> None:
    assert html.count('class="scroll"') == html.count('class="scroll" role="group" tabindex="0"')


def test_changed_images_are_shown_with_what_both_say(html: str) -> None:
    alts = re.findall(r'alt="([^"]*)"', html)
    assert alts[0] == "Accuracy and loss of A and B over their epochs"
    assert [re.match(r"Test image (\d+), newly (\w+)", alt)[0] for alt in alts[1:]] == [  # type: ignore[index]
        *(f"Test image {row}, newly wrong" for row in (33, 32, 31, 30)),
        *(f"Test image {row}, newly right" for row in (20, 4)),
    ]
    assert "newly wrong: b; A says b, B says c" in alts[1]


def test_class_names_cannot_break_out_of_the_page(html: str) -> None:
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [bold]x[/bold] \\x1b[2J" in html


def test_page_is_the_same_each_time(root: Path, pair: Pair, html: str) -> None:
    assert rendered(root, pair) == html


@pytest.mark.parametrize("damage", ["pruned", "flipped"])
def test_missing_images_cost_the_pictures_alone(root: Path, pair: Pair, damage: str) -> None:
    path = root / pair[0].records.ingest.images["test"].path
    if damage == "pruned":
        runs_to_compare.forget_images(root)
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    html = rendered(root, pair)
    assert "No pictures: the test images are no longer in the cache" in html
    assert html.count("<img ") == 1
    assert text_of(html).count("A says") == 6


def test_missing_history_costs_the_curves_alone(root: Path, pair: Pair) -> None:
    (run_folder.folder(Workspace(root), "run-b") / "history.parquet").unlink()
    html = rendered(root, pair)
    assert "history.parquet is damaged" in html
    assert html.count("<img ") == 6


def test_runs_of_other_data_say_what_cannot_be_compared(root: Path, files: DatasetFiles) -> None:
    other = files.model_copy(update={"class_names": ("w", "x", "y", "z")})
    pair = publish(root, "run-a", files, [4]), publish(root, "run-b", other, [8], weights="f")
    text = text_of(rendered(root, pair))
    assert "What could not be compared?" in text
    assert "different classes" in text
    assert "The runs cannot be compared image by image" in text


def test_page_is_not_written_over_what_is_no_file(root: Path, pair: Pair, tmp_path: Path) -> None:
    found = compare.compare(Workspace(root), pair)
    run_diff.write(tmp_path / "new" / "page.html", Workspace(root), pair, found)
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE")
    with pytest.raises(StorageError, match="not a file"):
        run_diff.write(tmp_path, Workspace(root), pair, found)
