from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import made_runs
from sightline.config import ReportConfig
from sightline.data.label_table import read_labels
from sightline.data.validation import findings
from sightline.evaluation import predictions_table
from sightline.records import Report
from sightline.reporting import data_figures, report, report_figures

Draw = Callable[..., Report]


@pytest.fixture
def draw(run, hostile_files, blueprint, trained, evaluation):
    """Run the stage, with other files, another run or other settings where given."""

    def draw(files=hostile_files, run=run, mistakes=24, blueprint=blueprint):
        settings = ReportConfig(mistakes=mistakes)
        return report.report(run, files, blueprint, trained, evaluation, settings)

    return draw


def test_mistakes_are_sorted_by_confidence_and_then_by_index(pictures, hostile_files):
    assert [mistake.index for mistake in pictures.mistakes] == [8, 20, 4]
    assert pictures.mistakes_total == len(pictures.thumbnails) == 3
    first = pictures.mistakes[0]
    assert first.image == "8.png"
    assert (first.label, first.predicted) == (hostile_files.class_names[0], "b")
    assert round(first.probability, 4) == 0.9
    assert round(first.label_probability, 4) == 0.0333


def test_confusions_and_classes_have_their_own_images(run, pictures, hostile_files, evaluation):
    (pair,) = pictures.confusions
    assert (pair.label, pair.predicted) == hostile_files.class_names[:2]
    assert (pair.images, pair.share, pair.mistakes) == (3, 0.3, pictures.mistakes)
    assert pair.thumbnails[0].sha256 != pair.thumbnails[1].sha256
    assert pictures.class_examples.keys() == set(hostile_files.class_names)
    labels = read_labels(run.workspace, hostile_files, "train")
    images = np.load(run.workspace.root / hostile_files.images["train"].path)
    for number, name in enumerate(hostile_files.class_names):
        shown = pictures.class_examples[name]
        for one, row in zip(shown, np.flatnonzero(labels == number)[:3], strict=True):
            assert one.source == f"x_train#{row}"
            with Image.open(run.workspace.root / one.thumbnail.path) as image:
                pixels = np.asarray(image)[::5, ::5, 0]
            np.testing.assert_array_equal(pixels, images[row, ..., 0])


def test_every_figure_of_the_evaluation_is_drawn(run, pictures):
    names = {"samples", "layers", "curves", "mistakes", "correct"}
    names |= {"confusion_matrix", "calibration"}
    assert set(pictures.figures) == names, "there are no findings and no corruptions"
    assert set(pictures.page_figures) == names - {"mistakes"}, "the page has their thumbnails"
    kinds = {"PNG": pictures.figures.values(), "WEBP": pictures.page_figures.values()}
    for kind, records in (*kinds.items(), ("WEBP", pictures.thumbnails)):
        for record in records:
            with Image.open(run.workspace.root / record.path) as image:
                assert image.format == kind


def test_findings_are_drawn_if_there_are_any_and_layers_unless_there_are_too_many(
    run, hostile_files, blueprint, draw
):
    table = run.workspace.root / "findings.parquet"
    examples = findings.ExampleIndex(
        {"train": 160, "test": 40},
        np.zeros(200, np.int16),
        run.workspace.root / hostile_files.labels.path,
    )
    leak = findings.FindingRows("leak", np.array([163]), np.array([7]), np.array([0]))
    findings.write_findings(table, [leak, findings.FindingRows("blank", np.array([5]))], examples)
    record = made_runs.file_record(table)
    inspection = hostile_files.inspection.model_copy(update={"findings": record})
    deep = blueprint.model_copy(update={"layers": blueprint.layers * 61})
    files = hostile_files.model_copy(update={"inspection": inspection})
    found = draw(files, mistakes=0, blueprint=deep)
    assert "findings" in found.figures
    assert "layers" not in found.figures


def test_number_of_mistakes_is_limited(draw):
    result = draw(mistakes=1)
    assert len(result.mistakes) == len(result.thumbnails) == 1
    assert result.mistakes_total == 3


def test_second_call_draws_nothing(pictures, draw, monkeypatch):
    monkeypatch.delattr(report_figures, "draw_curves")
    assert draw() == pictures
    with pytest.raises(NameError):
        draw(mistakes=1)


def test_block_borders_change_nothing(run, pictures, draw, monkeypatch):
    monkeypatch.setattr(predictions_table, "_BLOCK_VALUES", 4 * 3)  # three rows of four classes
    assert draw(run=run.model_copy(update={"id": "again", "refresh": True})) == pictures


def test_flawless_model_still_gets_its_figures(run, evaluation, draw):
    path = run.workspace.root / evaluation.predictions.path
    table = pq.read_table(path)
    right = table.filter(table["label"].to_numpy() == table["predicted"].to_numpy())
    pq.write_table(right.set_column(0, "index", [range(len(right))]), path)
    result = draw()
    assert (result.mistakes, result.thumbnails, result.mistakes_total) == ((), (), 0)
    assert "mistakes" in result.figures


def test_figures_of_the_data_are_drawn_ahead_and_once(draw, run, hostile_files, monkeypatch):
    with data_figures.drawn_ahead(run, hostile_files):
        pass
    monkeypatch.setattr(data_figures, "samples", None)
    drawn = draw()
    assert "samples" in drawn.figures
    assert (run.workspace.root / drawn.entry / "samples.png").is_file()


def test_error_ahead_is_raised_by_the_report(draw, run, hostile_files, monkeypatch):
    monkeypatch.setattr(data_figures, "samples", None)
    with data_figures.drawn_ahead(run, hostile_files):
        pass
    with pytest.raises(TypeError):
        draw()
