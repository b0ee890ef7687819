import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bad_files
from reading import check_unreadable, ingest, read_all
from sightline.config import DataGateConfig
from sightline.data.decoding.image_opening import with_image
from sightline.data.validation.gate import check_data, run_checks
from sightline.errors import DataError, StorageError

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 16, 12), dtype=np.uint8)
CONTENTS = [bad_files.png(image) for image in IMAGES]
CONTENTS[3] = CONTENTS[3][:-60]  # its header is right
CONTENTS[14] = b"not an image"
READABLE = [row for row in range(20) if row not in {3, 14}]


def folder(path):
    for row, content in enumerate(CONTENTS):
        place = path / "images" / "ab"[row // 10] / f"{row:02}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return path / "images"


def table(path, contents=CONTENTS):
    rows = {"image": contents, "label": ["ab"[row // 10] for row in range(20)]}
    rows["site"] = [f"site {row}" for row in range(20)]
    pq.write_table(pa.table(rows), path / "data.parquet")
    return path / "data.parquet"


def test_image_behind_storage_that_refuses_access_is_not_unreadable():
    def use(_):
        raise StorageError("Access to s3://bucket was denied")

    with pytest.raises(StorageError, match="denied"):
        with_image("0.png", CONTENTS[0], use)


@pytest.mark.parametrize(("write", "name"), [(folder, "b/14.png"), (table, "row 14")])
def test_unreadable_image_ends_the_run_unless_it_is_skipped(tmp_path, write, name):
    path = write(tmp_path)
    check_unreadable(path, name)
    raw, images = read_all(path, unreadable="skip")
    assert str(tmp_path) not in " ".join(raw.notes)
    np.testing.assert_array_equal(images["unsplit"][..., 0], IMAGES[READABLE])
    (split,) = raw.splits
    assert split.labels.tolist() == [row // 10 for row in READABLE]
    ends = [split.source(number).removesuffix(".png")[-2:].lstrip("/#0") for number in range(18)]
    assert ends[1:] == [str(row) for row in READABLE[1:]]
    assert raw.unreadable == 2
    (note,) = raw.notes
    assert all(
        part in note
        for part in ("2 image(s)", name, name.replace("b/14", "a/03").replace("14", "3"))
    )


def test_missing_image_in_a_table_is_skipped_and_metadata_stay_with_their_images(tmp_path):
    path = table(tmp_path, [*CONTENTS[:19], None])
    raw, images = read_all(path, unreadable="skip", metadata_columns=("site",))
    assert len(images["unsplit"]) == 17
    sites = [site for batch in raw.splits[0].metadata() for site in batch.column(0).to_pylist()]
    assert sites == [f"site {row}" for row in READABLE[:-1]]


@pytest.mark.parametrize("store", ["pixels", "encoded"])
def test_skipped_images_are_counted_by_the_data_gate(tmp_path, run, store):
    files = ingest(run, folder(tmp_path), unreadable="skip", store=store)
    assert sum(images.shape[0] for images in files.images.values()) == 18
    result = run_checks(run.workspace, files, DataGateConfig(), None)
    check = next(check for check in result.checks if check.name == "unreadable")
    assert (check.outcome, check.measured) == ("warned", 0.1)
    assert "2 of 20" in check.sentence


def test_data_of_which_more_than_half_cannot_be_read_are_refused(tmp_path, run):
    source = folder(tmp_path)
    for place in sorted(source.glob("*/*"))[::2]:
        place.write_bytes(b"x")
    files = ingest(run, source, unreadable="skip")
    assert files.unreadable == 11
    with pytest.raises(DataError, match=r"11 of 20.*Replace.*data_gate\.unreadable\.fail_above=1"):
        check_data(run.workspace, files, DataGateConfig(), None)


def test_split_without_a_readable_image_is_refused(tmp_path):
    check_unreadable(table(tmp_path, [b"x"] * 20), "0 examples", unreadable="skip")
    for place in (folder(tmp_path) / "a").iterdir():
        place.write_bytes(b"x")
    check_unreadable(tmp_path / "images", "one class", unreadable="skip")


def test_labels_of_a_table_stay_with_their_images(tmp_path):
    for row, content in enumerate(CONTENTS):
        (tmp_path / f"{row:02}.png").write_bytes(content)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = [(f"{row:02}.png", "xy"[row % 2]) for row in reversed(range(20))]
        csv.writer(file).writerows([("file_name", "label"), *rows])
    raw, images = read_all(tmp_path, unreadable="skip")
    np.testing.assert_array_equal(images["unsplit"][..., 0], IMAGES[READABLE])
    assert raw.splits[0].labels.tolist() == [row % 2 for row in READABLE]
