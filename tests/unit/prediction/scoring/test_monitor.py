"""What was scored is compared with the test images, once; labels give the live accuracy."""

import json
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest

import made_runs
from run_to_predict import CLASS_NAMES, RUN_ID, dots, publish, write_pictures
from sightline.config import loading
from sightline.errors import DataError, InputError
from sightline.evaluation import profile_sample
from sightline.evaluation.profile_sample import PROFILE, Sample, appearance, project
from sightline.experiments import run_folder
from sightline.models import keras_files, penultimate
from sightline.prediction.model import find
from sightline.prediction.scoring import checks, keras_side, labels, model_profile
from sightline.prediction.scoring.monitor import monitor, tell, untold
from sightline.prediction.scoring.place import LATEST, PAGE, Scores
from sightline.prediction.scoring.records import ScoreRequest
from sightline.records import Run, ScoringStatus
from sightline.storage.workspace import Workspace

COUNT = 60


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A run that carries a profile of dots."""
    root = tmp_path_factory.mktemp("artifacts")
    keras.utils.set_random_seed(0)
    publish(root)
    folder = run_folder.folder(Workspace(root), RUN_ID)
    model, images = keras_files.read_model(folder / "model.keras"), dots(200, seed=5)
    found = penultimate.with_features(model).predict_on_batch(images)
    sample = Sample(
        found[:, :2].argmax(axis=1),
        found[:, :2].max(axis=1),
        *appearance(images),
        project(found[:, 2:]),
    )
    pq.write_table(profile_sample.to_arrow(sample), folder / PROFILE)
    manifest = run_folder.read(Workspace(root), RUN_ID)
    files = {**manifest.files, PROFILE: made_runs.file_record(folder / PROFILE)}
    (folder / run_folder.MANIFEST).unlink()
    made_runs.write(root, manifest.model_copy(update={"files": files}))
    return find(Workspace(root), RUN_ID)


@pytest.fixture
def inbox(tmp_path):
    return tmp_path / "inbox"


@pytest.fixture
def scores(run):
    return Scores(run.workspace, "inbox")


def score(scores, inbox, model, images, name="new", **options):
    """Let images arrive, score and check them."""
    write_pictures(inbox / name, images)
    request = ScoreRequest(name=scores.name, data=str(inbox), model=model)
    keras_side.score(Run(id="score", workspace=scores.workspace), request)
    return monitor(scores, str(inbox), model, **options)


def test_images_like_the_test_images_are_no_drift_and_are_compared_once(published, inbox, scores):
    status = score(scores, inbox, published, dots(COUNT))
    assert (status.images, status.drift, len(status.measures)) == (COUNT, False, 5)
    assert "no drift" in status.sentence
    assert monitor(scores, str(inbox), published).images == COUNT
    (check,) = checks.read_all(scores)
    assert check.compared == COUNT
    assert sum(check.classes.values()) == COUNT
    stored = ScoringStatus.model_validate_json((scores.folder / LATEST).read_bytes())
    assert stored.model == RUN_ID
    assert (scores.folder / PAGE).read_text().count("<html") == 1


def test_drift_is_told_once_however_many_nights_it_lasts(published, inbox, scores):
    score(scores, inbox, published, dots(COUNT))
    assert untold(scores, published) is None
    status = score(scores, inbox, published, 255 - dots(COUNT, seed=1), "second")
    assert status.drift
    assert {"brightness", "features"} <= {one.name for one in status.measures if one.drift}
    drift = untold(scores, published)
    assert untold(scores, published) == drift, "the server was away"
    tell(scores, drift)
    assert untold(scores, published) is None
    status = score(scores, inbox, published, 255 - dots(COUNT, seed=2), "third")
    assert (status.drift, status.drift_since) == (True, drift.check.created)
    assert untold(scores, published) is None
    score(scores, inbox, published, dots(COUNT, seed=3), "fourth")
    score(scores, inbox, published, 255 - dots(COUNT, seed=4), "fifth")
    assert untold(scores, published) is not None, "it came back"


def test_drift_goes_on_when_the_check_in_which_it_started_was_removed(published, inbox, scores):
    for seed in (1, 2):
        score(scores, inbox, published, 255 - dots(COUNT, seed=seed), str(seed))
    (scores.folder / f"_checks/{untold(scores, published).check.id}.json").unlink()  # as damaged
    status = monitor(scores, str(inbox), published)
    assert status.images == 2 * COUNT
    assert status.drift_since == untold(scores, published).check.created
    assert f"{status.drift_since:%Y-%m-%d}" in (scores.folder / PAGE).read_text()


def test_few_images_wait_for_more(published, inbox, scores):
    status = score(scores, inbox, published, dots(30))
    assert (status.images, status.page) == (0, "")
    assert "too few" in status.sentence
    status = score(scores, inbox, published, dots(30, seed=1), "more")
    assert status.images == COUNT


def test_checks_go_on_after_a_scoring_that_was_killed_before_its_check(published, inbox, scores):
    write_pictures(inbox, dots(COUNT))
    request = ScoreRequest(name="inbox", data=str(inbox), model=published, part_images=20)
    keras_side.score(Run(id="score", workspace=scores.workspace), request)
    assert monitor(scores, str(inbox), published).images == COUNT
    assert len(checks.read_all(scores)[0].parts) == len(scores.parts()) > 0


def test_labels_give_the_live_accuracy_beside_that_on_the_test_split(published, inbox, scores):
    score(scores, inbox, published, dots(COUNT))
    predicted = {
        row["file"]: row["predicted"]
        for path in scores.parts()
        for row in pq.read_table(path).to_pylist()
    }
    names = sorted(predicted)
    other = {CLASS_NAMES[0]: CLASS_NAMES[1], CLASS_NAMES[1]: CLASS_NAMES[0]}
    table = inbox.parent / "labels.jsonl"
    labels = {str(inbox / name): predicted[name] for name in names[:30]}
    labels |= {name: other[predicted[name]] for name in names[30:39]}
    labels |= {names[39]: "a new class", "unknown.png": CLASS_NAMES[0]}
    rows = ({"file": name, "label": label} for name, label in labels.items())
    table.write_text("\n".join(map(json.dumps, rows)))
    live = monitor(scores, str(inbox), published, table).live
    assert (live.correct, live.images, live.unmatched, live.unknown_class) == (30, 40, 1, 1)
    low, high = live.interval
    assert low < 0.75 < high
    assert live.differs == (live.p_value < 0.05)
    assert [*live.days.values()] == [(30, 40)]
    assert monitor(scores, str(inbox), published).live == live, "labels are kept"
    table.write_text(json.dumps({"file": names[39], "label": predicted[names[39]]}))
    assert monitor(scores, str(inbox), published, table).live.correct == 31
    for label, correct in ((labels[names[39]], 30), (predicted[names[39]], 31)):  # and back again
        table.write_text(json.dumps({"file": names[39], "label": label}))
        assert monitor(scores, str(inbox), published, table).live.correct == correct


def test_label_of_a_file_that_changed_is_that_of_its_last_image(published, scores, monkeypatch):
    first, other = CLASS_NAMES
    times = [datetime(2026, 11, 29, hour, tzinfo=UTC) for hour in (2, 1)]  # parts are not in order
    found = [("a.png", first, first, times[0]), ("a.png", first, other, times[1])]
    monkeypatch.setattr(labels, "_matches", lambda *_: iter(found))
    manifest = model_profile.carried_by(scores.workspace, published).manifest
    live = labels.live_accuracy(scores, ("model", published.sha256), manifest)
    assert (live.correct, live.images) == (1, 1)


def test_damaged_labels_are_named_with_what_to_do(published, inbox, scores):
    score(scores, inbox, published, dots(COUNT))
    table = inbox.parent / "labels.csv"
    table.write_text("file,label\nnew/0000.png,a\n")
    monitor(scores, str(inbox), published, table)
    (kept,) = scores.folder.glob("_labels/*")
    kept.write_bytes(kept.read_bytes()[:-9])
    with pytest.raises(InputError, match=rf"{kept.name}.*remove it"):
        monitor(scores, str(inbox), published)


def test_labels_of_the_rows_of_one_parquet_file_may_have_its_full_path():
    assert labels._below("/data/new.parquet", "/data/new.parquet#3") == "new.parquet#3"
    assert labels._below("/data", "/data/new.parquet#3") == "new.parquet#3"
    assert labels._below("s3://b/new.parquet", "new.parquet#3") == "new.parquet#3"


def test_table_without_labels_is_refused_with_the_columns_to_write(published, inbox, scores):
    inbox.mkdir()
    table = inbox / "labels.csv"
    table.write_text("file,comment\na.png,blurred\n")
    with pytest.raises(DataError, match=r"labels\.csv.*'file'.*'label'"):
        monitor(scores, str(inbox), published, table)
    with pytest.raises(DataError, match=r"missing\.csv"):
        monitor(scores, str(inbox), published, inbox / "missing.csv")


def test_model_without_a_profile_is_counted_but_not_compared(inbox, scores, run):
    publish(run.workspace.root)
    model = find(run.workspace, RUN_ID)
    status = score(scores, inbox, model, dots(COUNT))
    assert (status.images, status.measures) == (COUNT, ())
    assert "not compared" in status.sentence
    assert "train again" in (scores.folder / PAGE).read_text()


def test_damaged_profile_is_named(published, inbox, scores):
    path = Path(published.path).with_name(PROFILE)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    try:
        with pytest.raises(InputError, match=rf"{PROFILE}.*train again"):
            monitor(scores, str(inbox), published)
    finally:
        path.write_bytes(content)


def test_retraining_repeats_the_settings_of_the_model():
    changes = ["training.epochs=3", "data.image_size=[32, 32]", "model.dense_units=7"]
    changes += ["model.convolutions=[{filters=8}, {filters=8}]", "promotion.recall_margin=0.2"]
    config = loading.load(
        "fast", overrides=[*changes, "data.dataset=mine", "promotion.gate=report"]
    )
    recipe, overrides = model_profile.recipe_of(config)
    assert recipe == "fast"
    repeated = loading.load(recipe, overrides=[*overrides, "data.dataset=mine"])
    same = {"data", "model", "training", "preprocessing", "evaluation", "monitoring", "export"}
    assert repeated.model_dump(include=same) == config.model_dump(include=same)
    own = config.model_copy(update={"recipe": "mine"})  # a file that the worker may not have
    recipe, overrides = model_profile.recipe_of(own)
    assert recipe == "auto" or loading.load(recipe, overrides=overrides).model == own.model


def test_sample_of_all_parts_is_that_of_the_smallest_digests(published, inbox, scores, monkeypatch):
    monkeypatch.setattr(profile_sample, "IMAGES", 50)
    write_pictures(inbox, dots(COUNT))
    request = ScoreRequest(name="inbox", data=str(inbox), model=published, part_images=20)
    keras_side.score(Run(id="score", workspace=scores.workspace), request)
    monitor(scores, str(inbox), published)
    assert checks.read_all(scores)[0].compared == 50
    assert np.isfinite([one.size for one in checks.read_all(scores)[0].measures]).all()
