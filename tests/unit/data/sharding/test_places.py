"""Parquet files and data sets behind URLs in shards: the bytes of an ingest without them."""

import io
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ranges_server import serving
from reading import ingest
from remote_data import facts, upload
from sightline.data.readers import folder as reader
from sightline.data.remote import opening
from sightline.errors import ChangedDataError
from sightline.records import Run
from sightline.storage.object_store import open_store
from sightline.storage.workspace import Workspace

SIZE, GROUP = 12, 5


def encoded(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 12 + seed % 3, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    return file.getvalue()


def write_table(path, seeds, column="image"):
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {column: [encoded(seed) for seed in seeds], "label": [seed % 2 for seed in seeds]}
    pq.write_table(pa.table(columns), path, row_group_size=GROUP)


@pytest.fixture
def tables(tmp_path):
    """Two splits of 52 and 23 images in three files, with row groups of at most five."""
    folder = tmp_path / "tables"
    write_table(folder / "train-00000-of-00002.parquet", range(30), "photo")
    write_table(folder / "train-00001-of-00002.parquet", range(30, 52), "photo")
    write_table(folder / "test-00000-of-00001.parquet", range(100, 123), "photo")
    return folder


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for seed in range(60):
        path = folder / "ab"[seed % 2] / f"{seed:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(seed))
    return folder


def new_run(folder):
    return Run(id="sharded", workspace=Workspace(folder))


def in_shards(run, path, **settings):
    return ingest(run, path, shard_images=SIZE, **settings)


def check_equal(expected, found, runs):
    """Check that two ingests made equal files."""
    assert len(found.shards) > 2
    assert facts(found.model_copy(update={"shards": ()})) == facts(expected)
    contents = []
    for run, files in zip(runs, (expected, found), strict=True):
        folder = (run.workspace.root / files.labels.path).parent
        contents.append({path.name: path.read_bytes() for path in folder.glob("*.[!j]*")})
    assert contents[0] == contents[1]


@pytest.mark.parametrize("store", ["pixels", "encoded"])
@pytest.mark.parametrize("unreadable", ["fail", "skip"])
def test_parquet_files_in_shards_give_the_bytes_of_an_ingest_without_them(
    tables, tmp_path, store, unreadable
):
    if unreadable == "skip":
        path = tables / "train-00001-of-00002.parquet"
        table = pq.read_table(path)
        images = [*table["photo"].to_pylist()]
        images[3] = images[4] = b"no image"
        pq.write_table(table.set_column(0, "photo", pa.array(images)), path, row_group_size=GROUP)
    runs = new_run(tmp_path / "whole"), new_run(tmp_path / "parts")
    expected = ingest(runs[0], tables, store=store, unreadable=unreadable)
    found = in_shards(runs[1], tables, store=store, unreadable=unreadable)
    assert found.unreadable == (2 if unreadable == "skip" else 0)
    check_equal(expected, found, runs)


def test_added_file_and_changed_row_compute_only_their_own_shards(tables, run):
    before = in_shards(run, tables).shards
    path = tables / "train-00001-of-00002.parquet"
    write_table(path, [*range(30, 51), 1000], "photo")
    changed = in_shards(run, tables).shards
    assert len({*changed} - {*before}) == 1
    path.rename(tables / "train-00001-of-00003.parquet")
    (tables / "train-00000-of-00002.parquet").rename(tables / "train-00000-of-00003.parquet")
    write_table(tables / "train-00002-of-00003.parquet", range(200, 230), "photo")
    added = in_shards(run, tables).shards
    assert len({*changed} - {*added}) <= 1  # the last one of before, which has more images now


def test_file_that_changes_between_its_digest_and_its_decoding_is_refused(tables, run, monkeypatch):
    from sightline.data.sharding import shard

    read = shard.places.read

    def change(*arguments):
        write_table(tables / "new", [1, *range(31, 52)], "photo")
        os.replace(tables / "new", tables / "train-00001-of-00002.parquet")
        return read(*arguments)

    monkeypatch.setattr(shard.places, "read", change)
    with pytest.raises(ChangedDataError, match="changed while it was read"):
        in_shards(run, tables)


@pytest.mark.parametrize("kind", ["tables", "photos"])
def test_objects_in_shards_give_the_bytes_of_local_files_and_are_not_read_again(
    request, tmp_path, s3, monkeypatch, kind
):
    folder = request.getfixturevalue(kind)
    url = upload(folder, f"{s3.new_bucket()}/{kind}")
    runs = new_run(tmp_path / "whole"), new_run(tmp_path / "parts")
    monkeypatch.setattr(reader, "_PART", SIZE)

    def surveys():
        return (runs[1].workspace.root / "cache" / "survey_files").glob("[!.]*")

    found, surveyed = in_shards(runs[1], url), [*surveys()]
    assert len(surveyed) > 2
    check_equal(ingest(runs[0], folder), found, runs)
    opening._LISTINGS.clear()
    changed = sorted(path for path in folder.rglob("*.*") if path.is_file())[-1]
    if kind == "tables":
        write_table(changed, range(300, 325), "photo")
    else:
        changed.write_bytes(encoded(300))
    key = changed.relative_to(folder).as_posix()
    open_store(url).write(key, changed.read_bytes())
    s3.requests.clear()
    again = in_shards(runs[1], url)
    read = [name for method, name in s3.requests if method == "GET" and name.startswith(kind)]
    new = {*again.shards} - {*found.shards}
    assert 0 < len(new) < len(again.shards)
    assert f"{kind}/{key}" in read
    assert "photos/a/000.jpg" not in read
    assert 0 < len({*surveys()} - {*surveyed}) <= 2
    assert again.content_digests == ingest(runs[0], folder).content_digests


def test_table_behind_an_address_is_ingested_in_shards(tables, tmp_path):
    path = tables / "train-00000-of-00002.parquet"
    runs = new_run(tmp_path / "whole"), new_run(tmp_path / "parts")
    with serving() as server:
        server.files = {path.name: path.read_bytes()}
        url = f"{server.address}/{path.name}"
        opening._LISTINGS.clear()
        found = in_shards(runs[1], url)
    check_equal(ingest(runs[0], path), found, runs)


def test_table_of_the_hub_is_ingested_in_shards_and_a_new_version_is_noticed(
    tables, tmp_path, monkeypatch
):
    runs = new_run(tmp_path / "whole"), new_run(tmp_path / "parts")
    with serving() as server:
        tables = tables.rename(tmp_path / "photos")
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        server.files = {path.name: path.read_bytes() for path in tables.iterdir()}
        opening._LISTINGS.clear()
        found = in_shards(runs[1], "hf://datasets/me/photos")
        check_equal(ingest(runs[0], tables), found, runs)
        url, (file, *_) = "hf://datasets/me/photos", opening._LISTINGS[0]._files.values()
        opening._LISTINGS.clear()
        assert opening.open_listed(url, [file]).joinpath(file.name).file == file
        server.files[file.name] += b"more"
        with pytest.raises(ChangedDataError, match=file.name):
            opening.open_listed(url, [file])
