import numpy as np
import pytest

import bad_files
import made_runs
from reading import ingest
from runs_to_promote import register
from sightline.config import loading
from sightline.data.holdout import holdout_sha256
from sightline.errors import DataError
from sightline.registry.gate import champion_images
from sightline.registry.gate.candidate import Candidate

FORM = {"image_size": (16, 12), "channels": 3, "resize": "letterbox"}


def photos(*folders):
    """Write eight different images to some folders."""
    names = [f"{folders[number % len(folders)]}/{number}.png" for number in range(8)]
    files = {name: bad_files.png(image) for name, image in zip(names, bad_files.X, strict=True)}

    def write(folder):
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    return write


@pytest.fixture
def champion(run):
    version = register(run.workspace.root, "before", "data")
    return version.model_copy(update={"image_shape": (16, 12, 3), "resize": "letterbox"})


@pytest.fixture
def candidate(run):
    """Return a function that ingests a data set and makes a candidate of it."""

    def made(path, **settings):
        config = loading.load("tutorial", dataset=str(path))
        return Candidate(
            run=run,
            config=config.model_copy(update={"data": config.data.model_copy(update=settings)}),
            source_sha256="a" * 64,
            files=ingest(run, path, **settings),
            trained=made_runs.trained(),
            evaluation=made_runs.evaluated(),
        )

    return made


@pytest.mark.parametrize(
    "write",
    [
        *(bad_files.idx(), bad_files.npz(), bad_files.parquet(), bad_files.csv(test=bad_files.Y)),
        *(photos("train/cat", "train/dog", "test/cat", "test/dog"), photos("cat", "dog", "elk")),
    ],
)
def test_test_images_are_those_that_ingest_makes_in_the_champions_form(
    run, tmp_path, candidate, champion, write
):
    folder = tmp_path / "data"
    folder.mkdir()
    settings = {"test_fraction": 0.5, "seed": 3}
    path = write(folder)
    found = champion_images.prepare(candidate(path, **settings), champion, run.workspace.path("x"))
    expected = ingest(run, path, **FORM, **settings).images["test"]
    assert (found.sha256, found.shape) == (expected.sha256, expected.shape)
    images = np.load(run.workspace.path(found.path))
    assert len(np.unique(images, axis=0)) == len(images) >= 3


def test_images_of_the_same_form_are_not_read_again(run, tmp_path, candidate, champion):
    one = candidate(bad_files.npz()(tmp_path), **FORM)
    (tmp_path / "data.npz").unlink()
    assert champion_images.prepare(one, champion, tmp_path / "x") == one.files.images["test"]


def change_train(folder):
    (folder / "train" / "cat" / "4.png").write_bytes(bad_files.png(bad_files.X[5]))


def change_test(folder):
    (folder / "test" / "cat" / "2.png").write_bytes(bad_files.png(bad_files.X[5]))


def remove_test(folder):
    (folder / "test" / "cat" / "2.png").unlink()


@pytest.mark.parametrize("change", [change_test, remove_test])
def test_other_test_images_are_refused_and_other_training_images_are_not(
    run, tmp_path, candidate, champion, change
):
    folder = tmp_path / "data"
    photos("train/cat", "train/dog", "test/cat", "test/dog")(folder)
    one, path = candidate(folder), run.workspace.path("x")
    before = holdout_sha256(one.files)
    change_train(folder)
    assert champion_images.prepare(one, champion, path).shape == (4, 16, 12, 3)
    change(folder)
    with pytest.raises(DataError, match=rf"{folder} .*test-run; restore"):
        champion_images.prepare(one, champion, path)
    assert holdout_sha256(ingest(run, folder)) != before
