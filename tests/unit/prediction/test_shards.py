"""A prediction in shards gives what one without them gives, and continues where it stopped."""

import os
from concurrent.futures import ThreadPoolExecutor

import keras
import pyarrow.parquet as pq
import pytest

from processes import wait_for
from run_to_predict import dots, write_pictures
from sightline.errors import DataError
from sightline.prediction import inputs, keras_side
from sightline.prediction import shards as shards_module
from sightline.prediction.records import Request
from sightline.records import Run
from sightline.storage import locks
from sightline.storage.workspace import Workspace

BATCH, COUNT = 8, 60


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    """Predict few images at once; return the number of images of each call."""
    monkeypatch.setattr(keras_side, "_BATCH", BATCH)
    predict_on_batch, seen = keras.Model.predict_on_batch, []

    def observe(network, images):
        seen.append(len(images))
        return predict_on_batch(network, images)

    monkeypatch.setattr(keras.Model, "predict_on_batch", observe)
    return seen


@pytest.fixture
def pictures(tmp_path):
    """Dots in folders, one that cannot be read, and one of another size."""
    folder = tmp_path / "pictures"
    write_pictures(folder / "a", dots(COUNT // 2))
    write_pictures(folder / "b", dots(COUNT // 2, seed=1))
    (folder / "a" / "0011.png").write_bytes(b"no image")
    write_pictures(folder / "c", dots(1, shape=(16, 16, 3)))
    return folder


def predict(model, folder, table, run=None, **options):
    found = (inputs.describe(str(folder)),)
    request = Request(inputs=found, model=model, table=str(table), shard_images=20, **options)
    return keras_side.predict(request, run=run)


def shards(run):
    return sorted((run.workspace.root / "cache" / "predict_shard").glob("[!.]*"))


@pytest.mark.parametrize("table_format", ["parquet", "csv"])
def test_merged_table_equals_that_of_a_prediction_without_shards(
    model, pictures, run, tmp_path, table_format
):
    tables = tmp_path / f"whole.{table_format}", tmp_path / f"merged.{table_format}"
    options = {"format": table_format, "abstain_below": 0.55}
    whole = predict(model, pictures, tables[0], **options)
    merged = predict(model, pictures, tables[1], run, **options)
    assert len(shards(run)) == 4  # of two blocks each
    varying = {"seconds", "images_per_second"}
    assert merged.model_dump(exclude=varying) == whole.model_dump(exclude=varying)
    assert (merged.images, merged.failed) == (COUNT + 1, 1)
    assert tables[1].read_bytes() == tables[0].read_bytes()


def test_interrupted_prediction_continues_with_the_missing_shards(
    model, pictures, run, tmp_path, blocks, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "predict_on_batch", stop)
        with pytest.raises(KeyboardInterrupt):
            predict(model, pictures, tmp_path / "x.parquet", run)
    assert not shards(run)
    predict(model, pictures, tmp_path / "x.parquet", run)
    assert sum(blocks) == COUNT + 1
    lost = shards(run)[1]
    count = pq.read_metadata(lost / "blocks.parquet").num_rows
    (lost / "manifest.json").unlink()
    blocks.clear()
    predict(model, pictures, tmp_path / "x.parquet", run, abstain_below=0.9)
    assert sum(blocks) == count


def test_two_predictions_at_once_share_the_work(model, pictures, run, tmp_path, blocks):
    predict(model, pictures, tmp_path / "one.parquet", run)
    done = shards(run)
    busy = done[0]
    other = Run(id="other", workspace=Workspace(tmp_path / "other"))
    lock = other.workspace.root / "cache" / "predict_shard" / f".{busy.name}.lock"
    with ThreadPoolExecutor(1) as pool:
        with locks.alone(lock, "the test"):
            found = pool.submit(predict, model, pictures, tmp_path / "two.parquet", other)
            wait_for("the others are predicted", lambda: len(shards(other)) == len(done) - 1)
            assert not found.done()
        found.result()
    assert (tmp_path / "two.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()


def test_changed_image_is_predicted_again(model, pictures, run, tmp_path, blocks):
    predict(model, pictures, tmp_path / "x.parquet", run)
    write_pictures(pictures / "b", dots(1, seed=5))
    blocks.clear()
    outcome = predict(model, pictures, tmp_path / "x.parquet", run)
    assert outcome.images == COUNT + 1
    assert 0 < sum(blocks) <= 20


def test_image_that_changes_between_its_digest_and_its_decoding_is_refused(
    model, pictures, run, tmp_path, blocks, monkeypatch
):
    digest_of, changing = shards_module._digest, pictures / "b" / "0004.png"
    original = changing.read_bytes()

    def digest_then_change(image):
        found = digest_of(image)
        if image.name == str(changing) and changing.read_bytes() == original:
            write_pictures(tmp_path / "new", dots(1, seed=5))
            os.replace(tmp_path / "new" / "0000.png", changing)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(shards_module, "_digest", digest_then_change)
        with pytest.raises(DataError, match=r"b/0004\.png changed while it was read"):
            predict(model, pictures, tmp_path / "x.parquet", run)
    changing.write_bytes(original)
    blocks.clear()
    predict(model, pictures, tmp_path / "sharded.parquet", run)
    assert sum(blocks) == COUNT + 1 - 32, "the first two shards were kept, that of the image not"
    predict(model, pictures, tmp_path / "whole.parquet")
    assert (tmp_path / "sharded.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_few_images_have_no_shards(model, pictures, run, tmp_path):
    predict(model, pictures / "c", tmp_path / "x.parquet", run)
    assert not shards(run)
