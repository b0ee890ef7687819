"""Ingest in shards gives what ingest gives, and computes only the shards that changed."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from sightline.config import DataConfig
from sightline.data import ingest as ingestion
from sightline.data import locate
from sightline.data.sharding import processes
from sightline.data.sharding.on_ray import ingest_on_ray
from sightline.data.sharding.processes import in_processes
from sightline.data.sharding.shard import ingest_shard
from sightline.errors import DataError, KerasProcessError
from sightline.records import Run
from sightline.storage.workspace import Workspace

SIZE = 12


def draw(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 12 + seed % 3, 3), np.uint8)
    Image.fromarray(pixels).save(path, quality=80)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two splits of two classes with 130 images, an image of one value and a duplicate."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    for number in range(130):
        split = "train" if number % 5 else "test"
        draw(folder / split / "ab"[number % 2] / f"{number:03}.jpg", number)
    Image.new("RGB", (16, 13)).save(folder / "train" / "a" / "black.jpg")
    shutil.copy(folder / "train" / "b" / "003.jpg", folder / "test" / "b" / "copy.jpg")
    return folder


def new_run(folder):
    return Run(id="sharded", workspace=Workspace(folder))


def ingest(run, path, runner=in_processes, **settings):
    config = DataConfig(dataset=str(path), **settings)
    return ingestion.ingest(run, locate.locate(config), config, runner)


def entries(run):
    """Return the shards in the cache, by key, with the time at which each was made."""
    folder = run.workspace.root / "cache" / "ingest_shard"
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("[!.]*")}


def content(run, files):
    """Return all bytes of an entry but its manifest, by name."""
    folder = (run.workspace.root / files.labels.path).parent
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"
    }


@pytest.mark.parametrize("store", ["pixels", "encoded"])
@pytest.mark.parametrize("split", ["", "train"])
def test_shards_merge_to_the_bytes_of_an_ingest_without_them(photos, tmp_path, store, split):
    whole, parts = new_run(tmp_path / "whole"), new_run(tmp_path / "parts")
    expected = ingest(whole, photos / split, store=store)
    found = ingest(parts, photos / split, store=store, shard_images=SIZE)
    assert len(found.shards) > 5
    assert found.model_copy(update={"shards": ()}) == expected
    assert content(parts, found) == content(whole, expected)
    assert sorted(found.shards) == sorted({f"cache/ingest_shard/{key}/" for key in entries(parts)})


def test_shards_that_are_all_in_the_cache_need_no_ray_cluster(photos, tmp_path):
    run = new_run(tmp_path)
    found = ingest(run, photos, shard_images=SIZE)
    shutil.rmtree(run.workspace.path("cache/ingest"))
    assert ingest(run, photos, ingest_on_ray, shard_images=SIZE) == found


def test_folder_of_few_images_has_no_shards(photos, tmp_path):
    run = new_run(tmp_path)
    assert ingest(run, photos, shard_images=132).shards == ()
    assert not entries(run)


def test_added_changed_and_moved_images_compute_only_their_own_shards(photos, tmp_path):
    folder, run = tmp_path / "photos", new_run(tmp_path / "root")
    shutil.copytree(photos, folder)
    before = ingest(run, folder, shard_images=SIZE).shards
    made = entries(run)
    draw(folder / "train" / "a" / "050 new.jpg", 1000)
    after = ingest(run, folder, shard_images=SIZE).shards
    assert 1 <= len(set(after) - set(before)) <= 2
    assert entries(run).items() >= made.items()
    moved = ingest(run, folder.rename(tmp_path / "elsewhere"), shard_images=SIZE)
    assert moved.shards == after


def test_shards_in_processes_are_those_of_this_process(photos, tmp_path):
    here, there = new_run(tmp_path / "here"), new_run(tmp_path / "there")
    expected = ingest(here, photos, shard_images=40)

    def two(run, shards):
        return in_processes(run, shards, 2)

    assert ingest(there, photos, two, shard_images=40) == expected


def test_shard_whose_process_dies_is_begun_again_alone(photos, tmp_path, monkeypatch):
    run = new_run(tmp_path)
    begun = []

    def dying(process, function, run, shard):
        begun.append(shard.content)
        if begun.count(shard.content) < 3 and shard.content == begun[0]:
            raise KerasProcessError("killed")
        return ingest_shard(run, shard)

    monkeypatch.setattr(processes.KerasProcess, "run", dying)
    expected = ingest(new_run(tmp_path / "whole"), photos)
    found = ingest(run, photos, lambda run, shards: in_processes(run, shards, 2), shard_images=40)
    assert found.images == expected.images
    assert sorted(begun.count(content) for content in set(begun))[-1] == 3
    assert len(begun) - 2 == len(found.shards)


def test_image_that_cannot_be_read_is_named(photos, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    cut = folder / "train" / "b" / "061.jpg"
    os.truncate(cut, cut.stat().st_size // 2)
    for runner in (in_processes, lambda run, shards: in_processes(run, shards, 2)):
        with pytest.raises(DataError, match=r"061\.jpg"):
            ingest(new_run(tmp_path / "root"), folder, runner, shard_images=40)
