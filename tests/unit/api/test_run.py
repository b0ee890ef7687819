import io

import pandas as pd
import pytest
from PIL import Image

import made_runs
import run_to_predict
import sightline
from made_runs import write_file, write_table
from run_to_predict import RUN_ID
from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.records import Report
from sightline.storage.workspace import Workspace

HOSTILE = '"><b>made'


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run with a figure and tables, loaded in a working folder beside its artifacts."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / HOSTILE
    folder = run_to_predict.publish(root)
    write_file(folder, "metrics.json", b'{"accuracy": 0.5, "loss": 1.0}')
    write_file(folder, "report.html", b"<html></html>")
    write_table(folder / "history.parquet", {"epoch": [1, 2], "accuracy": [0.25, 0.5]})
    Image.radial_gradient("L").save(folder / "curves.png")
    manifest = run_folder.read_folder(folder)
    figures = dict.fromkeys(("curves", "mistakes"), made_runs.ANY_FILE)
    report = Report(figures=figures, thumbnails=(), mistakes=(), mistakes_total=1)
    records = manifest.records.model_copy(update={"report": report})
    made_runs.write(root, manifest.model_copy(update={"records": records}))
    return sightline.load(artifacts=root)


def test_results_are_those_of_the_run_folder(run):
    assert run.id == RUN_ID
    assert run.accuracy == run.metrics["accuracy"] == 0.5
    pd.testing.assert_frame_equal(
        run.history, pd.DataFrame({"epoch": [1, 2], "accuracy": [0.25, 0.5]})
    )
    assert set(run.figures) == {"curves", "mistakes"}
    with Image.open(run.figures["curves"]) as figure:
        assert figure.size == (256, 256)


def test_figure_is_shown_as_a_picture_and_the_report_as_a_link(run):
    assert repr(run.figures["curves"]) == "<RunFile curves.png>"
    png, size = run.figures["curves"]._repr_png_()
    assert Image.open(io.BytesIO(png)).width == 2 * size["width"]
    assert run.figures["curves"]._repr_html_() is None
    assert run.report._repr_png_() is None
    link = f'href="&#34;&gt;&lt;b&gt;made/runs/{RUN_ID}/report.html"'
    assert link in run.report._repr_html_()


def test_card_says_how_good_the_model_is_and_escapes_text(run, tmp_path):
    card = run._repr_html_()
    assert "<b>50.00%</b> (95% interval 40.00% to 60.00%)" in card
    assert "majority-class baseline 50.00%" in card
    assert card.count("<img") == 1, "the file of the other figure is missing"
    assert "&lt;b&gt;made" in card
    assert HOSTILE not in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize("damage", ["missing", "damaged"])
@pytest.mark.parametrize("name", ["history.parquet", "predictions.parquet", "metrics.json"])
def test_file_that_cannot_be_read_is_named_with_a_remedy(run, name, damage):
    path = run.folder / name
    path.unlink(missing_ok=True)
    if damage == "damaged":
        path.write_bytes(b"PAR1 damaged")
    with pytest.raises(InputError, match=rf"{name} cannot be read .*sightline runs verify"):
        getattr(run, name.partition(".")[0])


def test_run_is_loaded_by_id_prefix_short_id_and_latest(published):
    for name in (RUN_ID, RUN_ID[:12], "abcdef", "latest"):
        assert sightline.load(name, artifacts=published).id == RUN_ID
    with pytest.raises(InputError, match=r"no champion"):
        sightline.load("champion", artifacts=published)
    with pytest.raises(InputError, match="'nothing'"):
        sightline.load("nothing", artifacts=published)


def test_list_has_a_row_a_run_and_leaves_out_damaged_ones(run, caplog):
    workspace = Workspace(run.folder.parents[1])
    write_file(run_folder.folder(workspace, "damaged"), run_folder.MANIFEST)
    runs = sightline.runs(artifacts=workspace.root)
    assert list(runs.index) == [RUN_ID]
    assert runs["accuracy"][RUN_ID] == 0.5
    assert "damaged" in caplog.text


def test_empty_folder_has_an_empty_list_of_runs(tmp_path):
    runs = sightline.runs(artifacts=tmp_path / "none")
    assert len(runs) == 0
    assert list(runs)[:4] == ["created", "dataset", "recipe", "accuracy"]
