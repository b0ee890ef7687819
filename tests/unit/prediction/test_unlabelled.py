import pyarrow.csv
import pytest

import made_runs
from grid_formats import FORMATS, Example, encoded
from hostile_models import honest_model
from reading import ingest
from run_to_predict import dots
from sightline.config import DataConfig
from sightline.data import locate
from sightline.models import keras_files
from sightline.prediction.unlabelled import predict
from sightline.records import Run
from sightline.storage.workspace import Workspace

IMAGES = dots(30)
LABELLED = [Example("train", number % 2, image) for number, image in enumerate(IMAGES[:10])]
HIDDEN = [Example("test", None, image) for image in IMAGES[10:]]
MINUS_ONE = [Example("test", -1, image) for image in IMAGES[10:]]


@pytest.fixture
def run(tmp_path):
    return Run(id="unlabelled", workspace=Workspace(tmp_path / "artifacts"))


@pytest.fixture
def outcome_of(run):
    """Predict the unlabelled images of a data set; return the record and the rows of its table."""
    path = run.workspace.root / "models" / "model.keras"
    path.parent.mkdir(parents=True)
    trained = made_runs.trained(model=made_runs.file_record(honest_model(path), "models/"))

    def outcome_of(place, **settings):
        config = DataConfig(dataset=str(place), **settings)
        files = ingest(run, place, **settings)
        found = predict(run, locate.locate(config), config, files, trained)
        return found, pyarrow.csv.read_csv(run.workspace.root / found.table.path).to_pylist()

    outcome_of.model = path
    return outcome_of


CELLS = [(name, HIDDEN) for name in FORMATS]
CELLS += [(name, MINUS_ONE) for name in FORMATS if "text" in FORMATS[name].holds]


@pytest.mark.parametrize(("name", "hidden"), CELLS)
def test_split_without_labels_is_predicted_in_every_format(tmp_path, outcome_of, name, hidden):
    settings = FORMATS[name].write(tmp_path / "data", [*LABELLED, *hidden])
    found, rows = outcome_of(tmp_path / "data", **settings)
    expected = keras_files.read_model(outcome_of.model).predict_on_batch(IMAGES[10:])
    wanted = sorted(zip(expected.argmax(1).tolist(), expected.max(1).tolist(), strict=True))
    given = sorted((row["class"], row["probability"]) for row in rows)
    assert [one for one, _ in given] == [one for one, _ in wanted]
    assert [one for _, one in given] == pytest.approx([one for _, one in wanted], abs=1e-5)
    assert {row["label"] for row in rows} <= {0, 1}
    assert all("test" in row["input"] or "t10k" in row["input"] for row in rows)
    assert len({row["input"] for row in rows}) == 20
    assert (found.images, found.failed, sum(found.classes.values())) == (20, 0, 20)


def test_image_without_label_that_cannot_be_read_costs_its_row_alone(tmp_path, outcome_of):
    tables = []
    for place in (tmp_path / "one", tmp_path / "two" / "deeper"):
        FORMATS["class folders"].write(place, [*LABELLED, *HIDDEN])
        (place / "test" / "13.png").write_bytes(b"")
        found, rows = outcome_of(place)
        (failed,) = (row for row in rows if row["error"])
        assert failed["input"] == "test/13.png"
        assert failed["error"].startswith("test/13.png is empty")
        assert (found.images, found.failed, len(rows)) == (20, 1, 20)
        tables.append(found.table.sha256)
    assert tables[0] == tables[1]


def test_size_scale_and_colors_follow_the_training_images(tmp_path, outcome_of):
    large = [Example("test", None, encoded(image.repeat(3, 2))) for image in IMAGES[10:]]
    FORMATS["class folders"].write(tmp_path / "data", [*LABELLED, *large])
    found, rows = outcome_of(tmp_path / "data")
    expected = keras_files.read_model(outcome_of.model).predict_on_batch(IMAGES[10:])
    assert [row["class"] for row in sorted(rows, key=lambda row: row["index"])] == (
        expected.argmax(1).tolist()
    )
    assert found.warnings == ("20 of 20 images were converted to grey.",)


def test_cached_predictions_need_no_data(tmp_path, outcome_of, run):
    place = tmp_path / "data"
    FORMATS["CSV"].write(place, [*LABELLED, *HIDDEN])
    found, _ = outcome_of(place)
    config = DataConfig(dataset=str(place))
    source, files = locate.locate(config), ingest(run, place)
    (place / "test.csv").unlink()
    trained = made_runs.trained(model=made_runs.file_record(outcome_of.model, "models/"))
    assert predict(run, source, config, files, trained) == found
