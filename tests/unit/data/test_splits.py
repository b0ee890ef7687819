import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from reading import ingest
from sightline.data.split_arrays import open_images
from sightline.data.splits import stratified_sample
from sightline.errors import DataError

LABELS = np.repeat(np.arange(3), [100, 50, 10])
NAMES = ("a", "b", "c")


def test_seed_determines_the_sample_of_each_class():
    first = stratified_sample(LABELS, NAMES, 0.2, 1, "test")
    assert np.bincount(LABELS[first]).tolist() == [20, 10, 2]
    np.testing.assert_array_equal(first, stratified_sample(LABELS, NAMES, 0.2, 1, "test"))
    assert (first != stratified_sample(LABELS, NAMES, 0.2, 2, "test")).any()


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_every_class_is_on_both_sides_even_at_an_extreme_share(fraction):
    labels = np.asarray([0, 0, 1, 1, 1])
    drawn = stratified_sample(labels, ("a", "b"), fraction, 0, "test")
    assert set(labels[drawn]) == set(labels[~drawn]) == {0, 1}


def test_class_with_a_single_example_is_refused_by_name():
    with pytest.raises(DataError, match=r"'b' .*test split; add another"):
        stratified_sample(np.asarray([0, 0, 1]), ("a", "b"), 0.2, 0, "test")


def write_folder(path, splits):
    for split, levels in splits.items():
        for row, level in enumerate(levels):
            folder = path / split / "ab"[row % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 8), level).save(folder / f"{row}.png")
    return path


def write_arrays(path, splits):
    arrays = {}
    for split, levels in splits.items():
        arrays[f"x_{split}"] = np.full(
            (len(levels), 8, 8), np.reshape(levels, (-1, 1, 1)), np.uint8
        )
        arrays[f"y_{split}"] = np.arange(len(levels)) % 2
    np.savez(path / "x.npz", **arrays)
    return path / "x.npz"


def write_csv(path, splits):
    for split, levels in splits.items():
        rows = [",".join(map(str, [row % 2, *[level] * 64])) for row, level in enumerate(levels)]
        (path / f"{split}.csv").write_text("\n".join(rows))
    return path


def write_parquet(path, splits):
    for split, levels in splits.items():
        images = []
        for level in levels:
            Image.new("L", (8, 8), level).save(buffer := io.BytesIO(), "PNG")
            images.append(buffer.getvalue())
        labels = [row % 2 for row in range(len(levels))]
        table = pa.table({"image": images, "label": labels})
        pq.write_table(table, path / f"{split}-0000.parquet")
    return path


@pytest.mark.parametrize("write", [write_folder, write_arrays, write_csv, write_parquet])
@pytest.mark.parametrize("name", ["val", "valid", "evaluation", "eval"])
def test_validation_split_is_the_test_split_where_there_is_none_in_every_format(
    run, tmp_path, write, name
):
    splits = {"train": [*range(10)], name: [50, 51, 52, 53], "test": [90, 91]}
    for given, expected in (
        (splits, {"train": splits["train"], "validation": splits[name], "test": splits["test"]}),
        (
            {"train": splits["train"], name: splits[name]},
            {"train": splits["train"], "test": splits[name]},
        ),
    ):
        folder = tmp_path / str(len(given))
        folder.mkdir()
        files = ingest(run, write(folder, given))
        levels = {
            split: sorted(open_images(run.workspace, record)[:][:, 0, 0, 0].tolist())
            for split, record in files.images.items()
        }
        assert levels == expected
        assert any("validation split" in note for note in files.notes) == (len(given) == 2)
