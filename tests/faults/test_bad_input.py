"""Unusable input is refused with one message before anything is stored."""

import numpy as np
import pytest

import bad_files as bad
from bad_files import IDX_IMAGES, IDX_LABELS
from bad_input import CASES
from command import check_refused, invoke, refusing
from fuzzing import read_or_refuse
from reading import read_all
from sightline.errors import DataError

pytestmark = pytest.mark.campaign

FLIPS = 200
FULL_CHUNK = np.resize(bad.X, (16, 255, 257))
"""Images that end, with their header, at 1 MiB: a reader that stops there skips the checksum."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_refused(tmp_path, case):
    artifacts = tmp_path / "artifacts"

    with refusing():
        done = invoke(*case.arguments(tmp_path / "given"), f"--artifacts={artifacts}")

    check_refused(done, *case.facts)
    assert not [path for path in artifacts.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_class_of_one_image_is_not_split_for_validation(tmp_path):
    labels = np.where(np.arange(bad.COUNT) == 0, 1, 0)

    data = bad.npz(y_train=labels, y_test=labels)(tmp_path)
    options = ("--set=preprocessing.validation_fraction=0.5", f"--artifacts={tmp_path}/artifacts")
    with refusing():
        done = invoke("train", f"--dataset={data}", *options)

    check_refused(done, "class '1'", "validation split", "add another")
    assert not list((tmp_path / "artifacts").glob("cache/preprocess/[!.]*"))


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (bad.idx(images=FULL_CHUNK, labels=np.tile(bad.Y, 2)), IDX_IMAGES),
        (bad.idx(), IDX_LABELS),
        (bad.npz(), "data.npz"),
    ],
)
def test_no_flipped_bit_changes_the_data_silently(tmp_path, write, name):
    path = write(tmp_path)
    reading, images = read_all(path)
    original = (tmp_path / name).read_bytes()
    refused = 0
    for place in np.random.default_rng(0).choice(8 * len(original), FLIPS):
        damaged = bytearray(original)
        damaged[place // 8] ^= 1 << (place % 8)
        (tmp_path / name).write_bytes(damaged)
        try:
            found, found_images = read_all(path)
        except DataError as error:
            assert name in str(error)  # noqa: PT017 - most flips are refused, some change no datum
            refused += 1
        else:
            assert found.class_names == reading.class_names
            for before, after in zip(reading.splits, found.splits, strict=True):
                np.testing.assert_array_equal(after.labels, before.labels)
                np.testing.assert_array_equal(found_images[after.name], images[before.name])
    assert refused > FLIPS / 2


@pytest.mark.parametrize("write", [bad.idx(), bad.npz(), bad.parquet(), bad.csv(), bad.images()])
def test_undamaged_data_set_is_accepted_within_the_bounds(tmp_path, write):
    assert read_or_refuse(write(tmp_path))
