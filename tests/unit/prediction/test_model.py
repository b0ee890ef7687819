import shutil
from pathlib import Path

import pytest

from hostile_models import honest_model
from run_to_predict import CLASS_NAMES, RUN_ID, SHAPE, publish
from sightline.errors import InputError, ModelFileError
from sightline.prediction.predict import find
from sightline.runs import run_folder
from sightline.storage import digests
from sightline.storage.workspace import Workspace


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("artifacts")
    publish(root)
    return root


def test_run_is_found_by_its_id_and_its_first_characters(root: Path) -> None:
    for name in (RUN_ID, RUN_ID[:12]):
        served = find(Workspace(root), name)
        assert served.name == RUN_ID
        assert served.sha256 == digests.sha256(Path(served.path))
        assert served.class_names == CLASS_NAMES
        assert served.image_shape == SHAPE
        assert served.profile is not None
        assert served.notes == ()


def test_the_newest_is_never_served_for_lack_of_a_name(root: Path) -> None:
    with pytest.raises(InputError, match='"latest" is no model to predict with'):
        find(Workspace(root), "latest")
    for name in ("", "champoin", "2027"):
        with pytest.raises(InputError, match=r"is no alias .* no version .* no run"):
            find(Workspace(root), name)


def test_characters_that_several_runs_begin_with_are_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    shutil.copytree(folder, folder.with_name(RUN_ID[:-1] + "0"))
    with pytest.raises(InputError, match=r"2 runs in .* begin with"):
        find(Workspace(tmp_path), RUN_ID[:8])


def test_file_beside_its_manifest_has_the_names_of_its_classes(root: Path) -> None:
    served = find(Workspace(root), str(run_folder.folder(Workspace(root), RUN_ID) / "model.keras"))
    assert (served.name, served.class_names) == (RUN_ID, CLASS_NAMES)


def test_file_by_itself_says_what_is_unknown(root: Path, tmp_path: Path) -> None:
    shutil.copy(run_folder.folder(Workspace(root), RUN_ID) / "model.keras", tmp_path / "mine.keras")
    served = find(Workspace(root), str(tmp_path / "mine.keras"))
    assert served.class_names is None
    assert "names of the classes are unknown" in served.notes[0]


def test_file_that_replaced_that_of_the_run_is_not_vouched_for(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    before = find(Workspace(tmp_path), RUN_ID).sha256
    honest_model(folder / "model.keras")
    for name in (RUN_ID, str(folder / "model.keras")):
        assert find(Workspace(tmp_path), name).sha256 == before


def test_damaged_manifest_beside_a_file_is_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"manifest\.json cannot be read"):
        find(Workspace(tmp_path), str(folder / "model.keras"))


@pytest.mark.parametrize("name", ["missing.keras", "./folder/x", "\udcff.keras", "a\0.keras"])
def test_file_that_is_not_there_is_refused(root: Path, name: str) -> None:
    with pytest.raises((ModelFileError, InputError), match=r"no such file|not text in UTF-8"):
        find(Workspace(root), name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/dev/zero", "is no model: it is no regular file"),
        ("/", "is no model: it is no regular file"),
        ("n" * 300 + ".keras", "is no possible path"),
    ],
)
def test_what_is_no_file_is_refused(root: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find(Workspace(root), name)


def test_aliases_and_versions_come_from_the_store(root: Path, tmp_path: Path) -> None:
    store = pytest.importorskip("sightline.registry", reason="the model store is not there yet")
    shutil.copytree(root, tmp_path / "root")
    root = tmp_path / "root"
    for name in ("champion", "dots-v1"):
        with pytest.raises(InputError):
            find(Workspace(root), name)
    version = store.register(Workspace(root), run_folder.read(Workspace(root), RUN_ID))
    served = find(Workspace(root), version.name)
    assert (served.name, served.class_names) == (version.name, CLASS_NAMES)
    assert served.sha256 == digests.sha256(Path(served.path))
    assert find(Workspace(root), "candidate").name == f"{version.name} (candidate)"
    assert find(Workspace(root), "candidate", "dots").sha256 == served.sha256
