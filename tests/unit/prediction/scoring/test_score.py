"""Each image is scored once by each model, whatever happens in between."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hostile_models import honest_model
from machines import two
from remote_data import upload
from run_to_predict import RUN_ID, dots, write_pictures
from sightline.errors import InputError, ModelFileError
from sightline.evaluation import profile_sample
from sightline.prediction import inputs
from sightline.prediction import keras_side as predicting
from sightline.prediction.records import Request
from sightline.prediction.scoring import arrivals, keras_side, parts
from sightline.prediction.scoring.ledger import Ledger
from sightline.prediction.scoring.place import Scores, scores_of
from sightline.prediction.scoring.records import ScoreRequest
from sightline.prediction.scoring.score import _all_known
from sightline.records import Run
from sightline.storage import digests
from sightline.storage.object_store import ObjectStore
from sightline.storage.workspace import Workspace

COUNT = 40


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    monkeypatch.setattr(predicting, "_BATCH", 8)


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    write_pictures(folder / "monday", dots(COUNT))
    return folder


def score(workspace, data, model, **options):
    given = {"name": "inbox", "data": str(data), "model": model, "part_images": 16, **options}
    return keras_side.score(Run(id="score", workspace=workspace), ScoreRequest(**given))


def table(workspace):
    return pd.read_parquet(Scores(workspace, "inbox").folder).sort_values("file")


def test_scores_are_what_predict_says_and_pandas_reads_their_folder(model, inbox, run, tmp_path):
    (inbox / "monday" / "0011.png").write_bytes(b"no image")
    options = {"abstain_below": 0.55, "with_probabilities": True}
    done = score(run.workspace, inbox, model, **options)
    assert (done.images, done.failed, len(done.parts)) == (COUNT, 1, 3)
    path = tmp_path / "predicted.parquet"
    described = (inputs.describe(str(inbox)),)
    predicting.predict(Request(inputs=described, model=model, table=str(path), **options))
    predicted, found = pd.read_parquet(path), table(run.workspace)
    assert [*found.file] == [name.removeprefix(f"{inbox}/") for name in predicted.input]
    assert [*found.predicted.dropna()] == [*predicted.label.dropna()]
    assert [*found.abstained] == [*predicted.abstained]
    np.testing.assert_allclose(found.probability, predicted.probability, atol=1e-6)
    np.testing.assert_allclose(
        np.stack(found.probabilities.dropna()),
        np.stack(predicted.probabilities.dropna()),
        atol=1e-6,
    )
    assert "cannot be read" in found.error.iloc[11]
    assert set(found.model) == {RUN_ID}
    assert set(found.day) == {f"{found.scored_at.iloc[0]:%Y-%m-%d}"}


def test_unchanged_files_are_not_read_again(model, inbox, run, monkeypatch):
    score(run.workspace, inbox, model)
    pq.write_table(pa.table({"image": [b"broken", None]}), inbox / "table.parquet")
    assert score(run.workspace, inbox, model).images == 2
    opened = []
    monkeypatch.setattr(arrivals, "_read", opened.append)
    done = score(run.workspace, inbox, model)
    assert (done.images, done.known, opened) == (0, COUNT + 2, [])


def test_content_is_scored_once_under_any_name(model, inbox, run, monkeypatch):
    score(run.workspace, inbox, model)
    files = sorted((inbox / "monday").iterdir())
    os.utime(files[0])
    files[1].rename(inbox / "renamed.png")
    done = score(run.workspace, inbox, model)
    assert (done.images, done.copies, done.known) == (0, 2, COUNT - 2)
    assert score(run.workspace, inbox, model).known == COUNT
    write_pictures(inbox / "monday", dots(1, seed=9))  # other content under a known name
    assert score(run.workspace, inbox, model).images == 1
    assert len(table(run.workspace)) == COUNT + 1


def test_killed_scoring_loses_nothing_and_repeats_nothing(model, inbox, run, monkeypatch):
    shutil.copytree(inbox / "monday", inbox / "copies")
    write, written = parts.write, []

    def stop(scores, name, *rest):
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(name)
        write(scores, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(parts, "write", stop)
        with pytest.raises(KeyboardInterrupt):
            score(run.workspace, inbox, model)
    kept = len(table(run.workspace))
    assert 0 < kept < COUNT
    assert score(run.workspace, inbox, model).images == COUNT - kept
    assert table(run.workspace).sha256.nunique() == len(table(run.workspace)) == COUNT


def test_another_model_scores_the_same_images_again(model, inbox, run):
    score(run.workspace, inbox, model)
    other = model.model_copy(update={"path": str(Path(model.path).with_name("other.keras"))})
    keras.utils.set_random_seed(1)
    honest_model(Path(other.path))
    other = other.model_copy(update={"name": "other", "sha256": digests.sha256(Path(other.path))})
    assert score(run.workspace, inbox, other).images == COUNT
    assert table(run.workspace).groupby("model").size().to_dict() == {RUN_ID: COUNT, "other": COUNT}


def test_rows_of_parquet_files_are_scored_once(model, run, tmp_path):
    write_pictures(tmp_path / "source", dots(COUNT))
    images = [path.read_bytes() for path in sorted((tmp_path / "source").iterdir())]
    data = tmp_path / "arrived" / "a.parquet"
    data.parent.mkdir()
    pq.write_table(pa.table({"image": images[:30]}), data)
    assert score(run.workspace, data.parent, model).images == 30
    pq.write_table(pa.table({"image": images}), data)  # rows were added
    done = score(run.workspace, data.parent, model)
    assert (done.images, done.copies) == (10, 30)
    assert score(run.workspace, data.parent, model).known == COUNT
    assert table(run.workspace).file.iloc[0] == "a.parquet#0"


def test_damaged_parquet_file_is_one_row_until_it_is_repaired(model, inbox, run, tmp_path):
    write_pictures(tmp_path / "more", dots(100, seed=5))
    images = [path.read_bytes() for path in sorted((tmp_path / "more").iterdir())]
    whole, data = tmp_path / "whole.parquet", inbox / "b.parquet"
    options = {"row_group_size": 64, "compression": "none", "write_page_checksum": True}
    pq.write_table(pa.table({"image": images}), whole, **options)
    content = whole.read_bytes()
    damage = content.index(images[90]) + 20
    data.write_bytes(content[:damage] + bytes(20) + content[damage + 20 :])
    (inbox / "a.parquet").write_bytes(b"no Parquet")
    done = score(run.workspace, inbox, model)
    assert (done.images, done.failed) == (COUNT + 64 + 2, 2)
    assert {"a.parquet", "b.parquet", "b.parquet#63"} <= {*table(run.workspace).file}
    done = score(run.workspace, inbox, model)
    assert (done.images, done.copies, done.known) == (0, 0, COUNT + 64 + 2)
    data.write_bytes(content)
    done = score(run.workspace, inbox, model)
    assert (done.images, done.failed, done.copies) == (36, 0, 64)


def test_file_that_cannot_be_opened_is_one_row_until_it_can_be(model, inbox, run, monkeypatch):
    read = Path.read_bytes

    def forbidden(path):
        if path.name == "0007.png":
            raise PermissionError(13, "Permission denied")
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", forbidden)
        assert score(run.workspace, inbox, model).failed == 1
        done = score(run.workspace, inbox, model)
        assert (done.images, done.known) == (0, COUNT)
        patch.setattr(os, "access", lambda path, mode: "0007" not in str(path))
        assert _all_known(inbox, Ledger(Scores(run.workspace, "inbox"), model.sha256)) == COUNT
    done = score(run.workspace, inbox, model)
    assert (done.images, done.failed, done.known) == (1, 0, COUNT - 1)


def test_link_that_leads_out_of_the_data_is_one_row(model, inbox, run):
    (inbox / "link.png").symlink_to("/etc/hostname")
    done = score(run.workspace, inbox, model)
    assert (done.images, done.failed) == (COUNT + 1, 1)
    assert "leads out of" in table(run.workspace).set_index("file").error["link.png"]
    done = score(run.workspace, inbox, model)
    assert (done.images, done.known) == (0, COUNT + 1)


def test_unchanged_objects_behind_a_url_are_listed_but_not_read_again(model, inbox, run, s3):
    url = upload(inbox, f"{s3.new_bucket()}/arrived")
    assert score(run.workspace, url, model).images == COUNT
    write_pictures(inbox / "tuesday", dots(2, seed=3))
    upload(inbox, url)
    s3.requests.clear()
    done = score(run.workspace, url, model)
    assert (done.images, done.known) == (2, COUNT)
    read = {key for method, key in s3.requests if method == "GET" and key.endswith(".png")}
    assert len(read) == 2
    assert table(run.workspace).file.iloc[0] == "monday/0000.png"


@pytest.mark.parametrize("machines", [1, 2])
def test_two_at_once_score_each_image_once(model, inbox, run, tmp_path, s3, machines):
    places = [run.workspace] * 2
    if machines == 2:
        places = two(tmp_path, s3.new_bucket())
    with ThreadPoolExecutor(2) as pool:
        done = [*pool.map(lambda workspace: score(workspace, inbox, model), places)]
    assert sorted(one.images for one in done) == [0, COUNT]
    for workspace in places:
        Scores(workspace, "inbox").pull()
        assert len(table(workspace)) == COUNT


def test_file_that_vanishes_is_left_for_the_next_time(model, inbox, run, monkeypatch):
    listed = [*arrivals.unknown(inbox, lambda *_: False, lambda _: None)]
    (inbox / "monday" / "0000.png").unlink()
    monkeypatch.setattr(arrivals, "unknown", lambda *_: iter(listed))
    assert score(run.workspace, inbox, model).images == COUNT - 1


def test_weights_that_give_no_probabilities_are_refused(model, inbox, run, monkeypatch):
    monkeypatch.setattr(keras.Model, "predict_on_batch", lambda _, x: np.full((len(x), 9), np.nan))
    with pytest.raises(ModelFileError, match="not finite"):
        score(run.workspace, inbox, model)
    with suppress(FileNotFoundError):
        assert not Scores(run.workspace, "inbox").parts()


def test_damaged_scores_are_named_with_what_to_do(model, inbox, run):
    score(run.workspace, inbox, model)
    part = Scores(run.workspace, "inbox").parts()[0]
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(InputError, match=rf"{part.name}.*remove it"):
        score(run.workspace, inbox, model)


def test_name_that_is_no_folder_is_refused(run):
    with pytest.raises(InputError, match="--name"):
        scores_of(run.workspace, "inbox", "../runs")
    assert scores_of(run.workspace, "s3://bucket/Neue Bilder/", None).name == "neue-bilder"


def test_part_survives_another_scoring_of_this_machine_that_looks_while_it_is_stored(
    model, inbox, tmp_path, monkeypatch
):
    workspace, upload = Workspace(tmp_path / "a", f"file://{tmp_path}/store"), ObjectStore.upload

    def looked_at(store, key, path):
        Scores(workspace, "inbox").pull()
        upload(store, key, path)

    monkeypatch.setattr(ObjectStore, "upload", looked_at)
    assert score(workspace, inbox, model).images == COUNT
    assert len(table(workspace)) == COUNT


def test_sample_of_a_part_is_drawn_from_the_images_that_can_be_read(monkeypatch):
    monkeypatch.setattr(profile_sample, "IMAGES", 2)
    rows = pa.table({"sha256": ["1", "2", "5", "3", "4"], "features": [None, None, [1], [2], [3]]})
    found = keras_side._with_few_features(rows)["features"].to_pylist()
    assert found == [None, None, None, [2], [3]]


def test_same_data_are_the_same_however_they_are_written(tmp_path):
    plain = arrivals.place(str(tmp_path / "inbox"))
    assert arrivals.place(f"{tmp_path}/other/../inbox/") == plain
    assert arrivals.place("s3://bucket/arrived/") == arrivals.place("s3://bucket/arrived")
