import hashlib
import shutil
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from examples import write_npz
from reading import ingest
from sightline.config import DataConfig, PreprocessingConfig
from sightline.data import ingest as ingestion
from sightline.data import label_table, locate, preprocess
from sightline.data.decoding import form
from sightline.data.readers import dispatch
from sightline.data.split_arrays import open_split
from sightline.data.validation import findings
from sightline.errors import ConfigError, DataError, StorageError
from sightline.pipeline.progress import Progress, listening
from sightline.storage import npy

COLOURS = ("amber", "blue", "coral", "denim", "ebony", "flax", "green <&>")


@pytest.fixture
def photos(tmp_path):
    """Seven classes of JPEG files of mixed sizes, not split."""
    folder = tmp_path / "Photos 2024"
    for label, name in enumerate(COLOURS):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            size = (20 + 3 * number, 50 - 2 * number)
            colour = (30 * label, 255 - 30 * label, 5 * number)
            Image.new("RGB", size, colour).save(folder / name / f"{number}.jpg", quality=95)
    return folder


def images(run, files, split):
    return np.load(run.workspace.root / files.images[split].path, allow_pickle=False)


def labels(run, files):
    return pq.read_table(run.workspace.root / files.labels.path).to_pylist()


def test_images_and_labels_arrive_unchanged(run, tmp_path):
    path = write_npz(tmp_path / "quarters.npz")
    with np.load(path) as arrays_in:
        expected = {name: arrays_in[name] for name in arrays_in.files}
    files = ingest(run, path)
    rows = labels(run, files)
    for split, part in (("train", rows[:160]), ("test", rows[160:])):
        found = images(run, files, split)
        assert files.images[split].shape == (len(part), 12, 12, 1) == found.shape
        np.testing.assert_array_equal(found, expected[f"x_{split}"], strict=True)
        assert [row["label"] for row in part] == expected[f"y_{split}"].tolist()
    assert files.counts == {"train": (40,) * 4, "test": (10,) * 4}
    assert (files.dataset, files.source) == ("quarters", str(path))
    assert len(rows) == 200
    assert list(rows[0]) == [
        *("index", "split", "label", "class_name", "source", "content_sha256", "pixels_sha256")
    ]
    for row in (rows[0], rows[159], rows[160], rows[199]):
        image = images(run, files, row["split"])[row["index"]]
        assert row["pixels_sha256"] == hashlib.sha256(image.tobytes()).hexdigest()
        assert row["content_sha256"] == row["pixels_sha256"]
        assert row["source"] == f"x_{row['split']}#{row['index']}"
        assert row["class_name"] == str(row["label"])
    assert [row["index"] for row in rows] == [*range(160), *range(40)]


def test_photos_of_mixed_sizes_keep_their_labels_through_the_split(run, photos):
    events: list[Progress] = []
    with listening(events.append):
        files = ingest(run, photos)
    assert (files.dataset, files.class_names) == ("photos-2024", COLOURS)
    assert files.image_shape == (64, 64, 3)
    assert files.counts == {"train": (8,) * 7, "test": (2,) * 7}
    assert "70 of 70" in files.notes[0]
    assert "14 examples" in files.notes[-1]
    rows = labels(run, files)
    assert len({row["source"] for row in rows}) == 70
    for row in rows:
        assert row["source"].startswith(row["class_name"] + "/")
        content = (photos / row["source"]).read_bytes()
        assert row["content_sha256"] == hashlib.sha256(content).hexdigest()
        colour = images(run, files, row["split"])[row["index"]].reshape(-1, 3).mean(axis=0)
        number = int(Path(row["source"]).stem)
        expected = (30 * row["label"], 255 - 30 * row["label"], 5 * number)
        assert np.abs(colour - expected).max() < 4
    assert {event.stage for event in events} == {"ingest"}
    assert {event.unit for event in events} == {"headers", "images"}
    assert (events[-1].unit, events[-1].done, events[-1].total) == ("images", 70, 70)


def test_seed_and_share_of_the_test_split_are_configured(run, photos):
    first = ingest(run, photos, test_fraction=0.5)
    other = ingest(run, photos, test_fraction=0.5, seed=1)
    assert first.counts["test"] == (5,) * 7
    assert first.images["test"].sha256 != other.images["test"].sha256
    embedded = ingest(run, "mnist-5k", test_fraction=0.5, seed=9)
    assert embedded.counts == {"train": (400,) * 10, "test": (100,) * 10}


def test_any_source_is_resized_and_converted_as_configured(run, tmp_path):
    files = ingest(run, write_npz(tmp_path / "x.npz"), image_size=(20, 16), channels=3)
    assert images(run, files, "train").shape == (160, 20, 16, 3)
    assert files.notes == (
        "All images were resized from 12x12 to 20x16 pixels.",
        "All images were converted to RGB.",
    )


@pytest.mark.parametrize("fractions", [{}, {"validation_fraction": 0.2}])
def test_encoded_images_are_those_of_the_source_and_decode_to_the_same_pixels(
    run, photos, fractions
):
    pixels, encoded = (
        ingest(run, photos, image_size=(24, 20), store=store) for store in ("pixels", "encoded")
    )
    sources = {split: [] for split in encoded.images}
    for row in labels(run, encoded):
        sources[row["split"]].append((photos / row["source"]).read_bytes())
    for split, record in encoded.images.items():
        assert (run.workspace.root / record.path).read_bytes() == b"".join(sources[split])
        assert record.shape == pixels.images[split].shape
    assert encoded.resize == pixels.resize == "crop"
    assert encoded.inspection.profiles == pixels.inspection.profiles
    assert labels(run, encoded) == labels(run, pixels)
    settings = PreprocessingConfig(**fractions)
    both = [preprocess.preprocess(run, files, settings).splits for files in (pixels, encoded)]
    assert both[0].keys() == both[1].keys()
    for name in both[0]:
        expected, found = (open_split(run.workspace, splits[name]) for splits in both)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found[[3, 0]], expected[[3, 0]], strict=True)
        np.testing.assert_array_equal(found[1:], expected[1:], strict=True)


def test_large_sets_stay_encoded_and_arrays_cannot_be(run, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(form, "_MOST_PIXEL_BYTES", 70 * 24 * 20 * 3 - 1)
    large, small = (ingest(run, photos, image_size=size).images for size in ((24, 20), (23, 20)))
    assert [type(one["train"]).__name__ for one in (large, small)] == ["EncodedFile", "ArrayFile"]
    with pytest.raises(ConfigError, match=r"data\.store .*x\.npz.*pixels"):
        ingest(run, write_npz(tmp_path / "x.npz"), store="encoded")


def test_cached_result_is_reused_without_reading_the_source(run, tmp_path):
    path = write_npz(tmp_path / "quarters.npz")
    config = DataConfig(dataset=str(path))
    source = locate.locate(config)
    first = ingestion.ingest(run, source, config)
    path.unlink()
    assert ingestion.ingest(run, source, config) == first


def test_failed_reading_leaves_no_result(run, photos):
    (photos / "blue" / "zz.jpg").write_bytes(b"\xff\xd8\xff no photo")
    with pytest.raises(DataError, match=r"blue/zz\.jpg"):
        ingest(run, photos)
    assert not list(run.workspace.root.glob("cache/ingest/*/"))


def write_sites(path, count=40):
    """Write a CSV with the site of every image; every seventh is unknown."""
    rows = [[row % 2, f"site {row}" if row % 7 else "", *[row] * 64] for row in range(count)]
    header = ",".join(["label", "site", *(f"p{number}" for number in range(64))])
    np.savetxt(path, np.asarray(rows, object), "%s", ",", header=header, comments="")
    return path


def test_metadata_stay_with_their_image_through_the_split(run, tmp_path, monkeypatch):
    monkeypatch.setattr(label_table, "_ROW_GROUP", 7)
    path = write_sites(tmp_path / "sites.csv")
    files = ingest(run, path, metadata_columns=["site"])
    rows = labels(run, files)
    assert [array.shape[0] for array in files.images.values()] == [32, 8]
    for row in rows:
        number = images(run, files, row["split"])[row["index"], 0, 0, 0]
        assert row["site"] == (f"site {number}" if number % 7 else None)
        assert row["source"] == f"sites.csv#{number}"
    for split in ("train", "test"):
        expected = [row["source"] for row in rows if row["split"] == split]
        assert [*label_table.stream_sources(run.workspace, files, split)] == expected
    assert list(rows[0])[-2:] == ["pixels_sha256", "site"]


@pytest.mark.parametrize(("rows", "found"), [(5, "fewer"), (7, "more")])
@pytest.mark.parametrize(
    ("module", "step", "what"),
    [(dispatch, "open_source", "images"), (ingestion, "_write_images", "rows of metadata")],
)
def test_source_that_changes_during_ingest_is_refused(
    run, tmp_path, monkeypatch, module, step, what, rows, found
):
    def do_and_change(*arguments):
        result = original(*arguments)
        write_sites(path, rows)
        return result

    original = getattr(module, step)
    monkeypatch.setattr(module, step, do_and_change)
    path = write_sites(tmp_path / "sites.csv", 6)

    with pytest.raises(DataError, match=rf"6 labels \(unsplit\).*{found} {what}"):
        ingest(run, path, metadata_columns=["site"])


@pytest.mark.parametrize(
    ("columns", "name"), [(["site", "source"], "'source'"), (["site", "site"], "'site' twice")]
)
def test_metadata_named_like_a_label_table_column_are_refused(run, tmp_path, columns, name):
    with pytest.raises(ConfigError, match=rf"data\.metadata_columns .*{name}"):
        ingest(run, write_sites(tmp_path / "sites.csv"), metadata_columns=columns)


def test_images_are_written_in_blocks(run, photos):
    append = npy.ArrayWriter.append
    with patch.object(npy.ArrayWriter, "append", autospec=True, side_effect=append) as watched:
        ingest(run, photos, image_size=(512, 512))
    sizes = [call.args[1].nbytes for call in watched.call_args_list]
    assert sum(sizes) == 70 * 512 * 512 * 3
    assert max(sizes) <= npy.BLOCK_BYTES


def test_full_disk_is_detected_before_writing(run, photos, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StorageError, match="860,160"):
        ingest(run, photos)


def test_real_mnist_has_its_known_counts_and_no_equal_images(run, mnist_dir):
    files = ingest(run.model_copy(update={"data_dir": mnist_dir}), "mnist")
    assert files.images["train"].shape == (60_000, 28, 28, 1)
    assert files.counts["test"] == (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    found = files.inspection
    assert found.profiles["train"].pixel_mean == pytest.approx(33.3184, abs=1e-4)
    assert (found.profiles["test"].pixel_min, found.profiles["test"].pixel_max) == (0, 255)
    for kind in ("leak", "duplicate", "conflict", "blank", "saturated"):
        assert found.affected[kind] == {"train": 0, "test": 0}
    assert 0 < found.affected["near_leak"]["test"] < 20
    assert 0 < found.affected["near_duplicate"]["train"] < 100
    similar = findings.read_findings(run.workspace.root / found.findings.path, 99)
    assert {one.image.label for one in similar["near_leak"]} == {1}  # strokes, nothing else


@pytest.mark.parametrize("name", ["amber/0.jpg", "amber/new.jpg"])
def test_data_set_that_changes_while_it_is_read_is_refused_and_not_cached(photos, run, name):
    write = label_table.write_table

    def change_and_write(*given):
        shutil.copy(photos / "blue" / "1.jpg", photos / name)
        write(*given)

    changing = patch.object(label_table, "write_table", change_and_write)
    with changing, pytest.raises(DataError, match=r"Photos 2024 changed while .* run again"):
        ingest(run, photos)
    entries = run.workspace.root / "cache" / "ingest"
    assert not [path for path in entries.glob("*/*") if path.is_file()]
    assert sum(map(sum, ingest(run, photos).counts.values())) == (71 if "new" in name else 70)
