from pathlib import Path

import numpy as np
import pytest

from examples import pictures
from sightline.config import DataConfig
from sightline.data import ingest, locate
from sightline.data.holdout import check, holdout_sha256
from sightline.errors import DataError
from sightline.records import DatasetFiles, Run


def ingested(run: Run, folder: Path, train: int = 40, relabelled: int = 0) -> DatasetFiles:
    folder.mkdir()
    x_train, y_train = pictures(train, seed=1)
    x_test, y_test = pictures(20, seed=2)
    y_test[:relabelled] = 3
    source = folder / "textures.npz"
    np.savez(source, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    settings = DataConfig(dataset=str(source))
    return ingest.ingest(run, locate.locate(settings), settings)


def test_more_training_images_leave_the_holdout_as_it_was(run: Run, tmp_path: Path) -> None:
    few, more = ingested(run, tmp_path / "few"), ingested(run, tmp_path / "more", train=60)
    assert few.labels.sha256 != more.labels.sha256
    assert holdout_sha256(few) == holdout_sha256(more)


def test_another_label_of_a_test_image_makes_another_holdout(run: Run, tmp_path: Path) -> None:
    before, now = ingested(run, tmp_path / "1"), ingested(run, tmp_path / "2", relabelled=1)
    assert before.images["test"].sha256 == now.images["test"].sha256
    assert holdout_sha256(before) != holdout_sha256(now)


def test_other_class_names_make_another_holdout(files: DatasetFiles) -> None:
    renamed = files.model_copy(update={"class_names": tuple("wxyz")})
    assert holdout_sha256(renamed) != holdout_sha256(files)


def test_damaged_or_missing_test_images_are_told(run: Run, files: DatasetFiles) -> None:
    check(run.workspace, files)
    path = run.workspace.root / files.images["test"].path
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match=r"images_test\.npy.* train on textures again"):
        check(run.workspace, files)
    path.unlink()
    with pytest.raises(DataError, match="no file"):
        check(run.workspace, files)
