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
from sightline.storage import digests

FORM = {"image_size": (16, 12), "channels": 3, "resize": "letterbox"}
SPLIT_FOLDERS = bad_files.images("train/cat", "train/dog", "test/cat", "test/dog")


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


def test_champions_scale_of_16_bits_is_kept(run, tmp_path, candidate, champion):
    folders = ("train/cat", "train/dog", "test/cat", "test/dog")
    deep = bad_files.X.astype("uint16") * 4
    files = {f"{name}/{n}.png": bad_files.png(deep[n]) for name in folders for n in (0, 1)}
    (tmp_path / "data").mkdir()
    path = bad_files.images(*folders, files=files)(tmp_path / "data")
    new = candidate(path)
    assert new.files.white == 1023
    form = {"image_shape": new.files.image_shape, "resize": new.files.resize, "white": 4095}
    before = champion.model_copy(update=form)
    found = champion_images.prepare(new, before, run.workspace.path("x"))
    assert found.sha256 == ingest(run, path, white=4095).images["test"].sha256
    assert found.sha256 != new.files.images["test"].sha256


@pytest.mark.parametrize(
    "write",
    [
        *(bad_files.idx(), bad_files.npz(), bad_files.parquet(), bad_files.csv(test=bad_files.Y)),
        *(SPLIT_FOLDERS, bad_files.images("cat", "dog", "elk"), lambda _: "mnist-5k"),
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
    assert found.sha256 == digests.sha256(run.workspace.path(found.path))


def test_images_of_the_same_form_are_not_read_again(run, tmp_path, candidate, champion):
    one = candidate(bad_files.npz()(tmp_path), **FORM)
    (tmp_path / "data.npz").unlink()
    assert champion_images.prepare(one, champion, tmp_path / "x") == one.files.images["test"]


def replace(folder):
    (folder / "cat" / "1.png").write_bytes(bad_files.png(bad_files.X[5]))


def remove(folder):
    (folder / "cat" / "1.png").unlink()


@pytest.mark.parametrize("change", [replace, remove])
def test_other_test_images_are_refused_and_other_training_images_are_not(
    run, tmp_path, candidate, champion, change
):
    folder = tmp_path / "data"
    SPLIT_FOLDERS(folder)
    one, path = candidate(folder), run.workspace.path("x")
    before = holdout_sha256(one.files)
    replace(folder / "train")
    assert champion_images.prepare(one, champion, path).shape == (4, 16, 12, 3)
    change(folder / "test")
    with pytest.raises(DataError, match=rf"{folder} .*test-run; restore"):
        champion_images.prepare(one, champion, path)
    assert holdout_sha256(ingest(run, folder)) != before


def test_arrays_of_another_white_than_the_champions_name_the_setting(
    run, tmp_path, candidate, champion
):
    deep = {name: bad_files.X.astype("uint16") * 4 for name in ("x_train", "x_test")}
    new = candidate(bad_files.npz(**deep)(tmp_path))
    assert new.files.white == 1023
    form = {"image_shape": new.files.image_shape, "resize": new.files.resize, "white": 4095}
    with pytest.raises(DataError, match=r"4,095 as white and this run 1,023.*data\.white=4095"):
        champion_images.prepare(new, champion.model_copy(update=form), run.workspace.path("x"))
