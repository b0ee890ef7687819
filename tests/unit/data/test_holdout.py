import pytest

from examples import pictures
from reading import ingest_arrays
from sightline.data.holdout import holdout_sha256, verify_holdout
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
