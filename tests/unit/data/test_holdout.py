import pytest

import bad_files
from examples import pictures
from reading import ingest, ingest_arrays
from sightline.data.holdout import holdout_sha256, same_examples, verify_holdout
from sightline.errors import DataError


def ingested(run, folder, train=40, relabelled=0):
    folder.mkdir()
    x_train, y_train = pictures(train, seed=1)
    x_test, y_test = pictures(20, seed=2)
    y_test[:relabelled] = 3
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return ingest_arrays(run, folder / "textures.npz", **arrays)


def test_more_training_images_do_not_change_the_holdout(run, tmp_path):
    few, more = ingested(run, tmp_path / "few"), ingested(run, tmp_path / "more", train=60)
    assert few.labels.sha256 != more.labels.sha256
    assert holdout_sha256(few) == holdout_sha256(more)
    assert not same_examples(few, more)


@pytest.mark.parametrize(
    "write",
    [
        *(bad_files.idx(), bad_files.npz(), bad_files.parquet(), bad_files.csv(test=bad_files.Y)),
        bad_files.images("train/cat", "train/dog", "test/cat", "test/dog"),
    ],
)
def test_size_channels_and_resizing_do_not_change_the_holdout(run, tmp_path, write):
    folder = tmp_path / "data"
    folder.mkdir()
    path = write(folder)
    found = [
        ingest(run, path),
        ingest(run, path, image_size=(16, 12), channels=3),
        ingest(run, path, image_size=(16, 12), channels=3, resize="letterbox"),
    ]
    assert len({files.images["test"].sha256 for files in found}) == 3
    assert len({holdout_sha256(files) for files in found}) == 1
    assert all(same_examples(found[0], files) for files in found)


def test_record_without_digests_of_the_content_is_only_equal_to_itself(files):
    old = files.model_copy(update={"content_digests": {}})
    assert same_examples(old, old)
    assert holdout_sha256(old) != holdout_sha256(files)


def test_changed_label_of_a_test_image_changes_the_holdout(run, tmp_path):
    before, now = ingested(run, tmp_path / "1"), ingested(run, tmp_path / "2", relabelled=1)
    assert before.images["test"].sha256 == now.images["test"].sha256
    assert holdout_sha256(before) != holdout_sha256(now)


def test_other_class_names_change_the_holdout(files):
    renamed = files.model_copy(update={"class_names": tuple("wxyz")})
    assert holdout_sha256(renamed) != holdout_sha256(files)


def test_damaged_or_missing_test_images_are_refused(run, files):
    verify_holdout(run.workspace, files)
    path = run.workspace.root / files.images["test"].path
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match=r"images_test\.npy.*train on textures again"):
        verify_holdout(run.workspace, files)
    path.unlink()
    with pytest.raises(DataError, match="no file"):
        verify_holdout(run.workspace, files)
