"""What lies behind a URL is predicted as local files are."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ranges_server import serving
from remote_data import upload
from run_to_predict import dots, write_pictures
from sightline.errors import ChangedDataError, DataError, StorageError
from sightline.prediction import inputs, keras_side
from sightline.prediction.records import Request
from sightline.storage.object_store import open_store


@pytest.fixture(autouse=True)
def blocks(monkeypatch):
    """Predict few images at once, so that shards are small."""
    monkeypatch.setattr(keras_side, "_BATCH", 8)


@pytest.fixture
def folder(tmp_path):
    """Images in folders, one that cannot be read, an array and a table."""
    folder = tmp_path / "scans"
    pictures = [*write_pictures(folder / "a", dots(20)), *write_pictures(folder / "b", dots(20))]
    (folder / "a" / "0011.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("text")
    np.save(folder / "array.npy", dots(9))
    pq.write_table(pa.table({"image": [pictures[0].read_bytes()] * 3}), folder / "table.parquet")
    return folder


def predict(model, name, table, run=None):
    request = Request(
        inputs=(inputs.describe(str(name)),), model=model, table=str(table), shard_images=8
    )
    outcome = keras_side.predict(request, run=run)
    return outcome, pq.read_table(table).to_pylist()


@pytest.mark.parametrize("name", ["", "/a", "/b/0003.png", "/array.npy", "/table.parquet"])
def test_predictions_are_those_of_local_files(model, folder, tmp_path, s3, name):
    url = upload(folder, f"{s3.new_bucket()}/scans")
    (local, expected), (remote, found) = (
        predict(model, f"{place}{name}", tmp_path / "table.parquet") for place in (folder, url)
    )
    for row in expected:
        row["input"] = row["input"].replace(str(folder), url)
        row["error"] = row["error"] and row["error"].replace(str(folder), url)
    assert found == expected
    assert (remote.images, remote.failed) == (local.images, local.failed)
    assert remote.warnings == local.warnings


def test_unchanged_objects_are_not_read_again(model, folder, run, tmp_path, s3):
    url = upload(folder, f"{s3.new_bucket()}/scans")
    whole = predict(model, url, tmp_path / "whole.parquet")
    merged = predict(model, url, tmp_path / "merged.parquet", run)
    assert merged[1] == whole[1]
    write_pictures(folder / "b", dots(1, seed=5))
    open_store(url).write("b/0000.png", (folder / "b" / "0000.png").read_bytes())
    s3.requests.clear()
    assert predict(model, url, tmp_path / "again.parquet", run)[1] != whole[1]
    read = {key for method, key in s3.requests if method == "GET" and key.endswith(".png")}
    assert "scans/b/0000.png" in read
    assert len(read) == 8


def test_object_that_changes_while_it_is_read_ends_the_prediction(
    model, folder, run, tmp_path, s3, monkeypatch
):
    url = upload(folder, s3.new_bucket())
    read = keras_side.keras_files.read_with_metadata

    def change(*arguments):
        open_store(url).write("b/0004.png", (folder / "b" / "0005.png").read_bytes())
        return read(*arguments)

    opened = inputs.to_path(url)
    monkeypatch.setattr(keras_side.stream, "to_path", lambda _: opened)
    monkeypatch.setattr(keras_side.keras_files, "read_with_metadata", change)
    for kept in (None, run):
        with pytest.raises(ChangedDataError, match=r"b/0004\.png changed while it was read"):
            predict(model, url, tmp_path / "table.parquet", kept)


def test_file_behind_an_address_is_predicted(model, folder, tmp_path):
    with serving() as server:
        server.files = {"table.parquet": (folder / "table.parquet").read_bytes()}
        url = f"{server.address}/table.parquet"
        outcome, rows = predict(model, url, tmp_path / "table.parquet")
    assert outcome.images == 3
    assert rows[2]["input"] == f"{url}#2"


@pytest.mark.parametrize(
    ("url", "fact"),
    [
        ("ftp://me:hunter2@host/x.png", "expected s3://"),
        ("s3://me:hunter2@bucket/x", "environment variables"),
        ("{}/missing", "has no objects"),
        ("{}/notes.txt", "cannot be predicted; expected PNG"),
        ("{}/none", "has no images"),
    ],
)
def test_url_that_cannot_be_predicted_is_refused(folder, s3, url, fact):
    bucket = upload(folder, s3.new_bucket())
    open_store(bucket).write("none/text.txt", b"text")
    with pytest.raises(DataError, match=fact) as caught:
        inputs.describe(url.format(bucket))
    assert "hunter2" not in str(caught.value)


def test_refused_credentials_are_one_sentence(folder, s3):
    url = upload(folder, s3.new_bucket())
    s3.add("denied", times=99)
    with pytest.raises(StorageError, match="credentials are missing, expired"):
        inputs.describe(url)
