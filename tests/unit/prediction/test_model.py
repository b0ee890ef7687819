import shutil
from pathlib import Path

import pytest

from hostile_models import honest_model
from run_to_predict import CLASS_NAMES, RUN_ID, SHAPE, publish
from sightline import registry
from sightline.errors import InputError, ModelFileError
from sightline.experiments import run_folder
from sightline.prediction.model import choose, find
from sightline.storage import digests
from sightline.storage.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("artifacts")
    publish(root)
    return Workspace(root)


@pytest.mark.parametrize("name", [RUN_ID, RUN_ID[:12]])
def test_run_is_found_by_its_id_or_a_prefix(workspace, name):
    model = find(workspace, name)
    assert model.name == RUN_ID
    assert model.sha256 == digests.sha256(Path(model.path))
    assert (model.metadata.class_names, model.metadata.image_shape) == (CLASS_NAMES, SHAPE)
    assert model.metadata.white == 255
    assert model.profile is not None


@pytest.mark.parametrize("name", ["", "champoin", "2027"])
def test_unknown_name_is_refused_with_what_a_model_is_named_by(workspace, name):
    with pytest.raises(InputError, match="champion, candidate"):
        find(workspace, name)


def test_latest_is_the_last_run_of_the_data_set(workspace, tmp_path):
    assert find(workspace, "latest").name == RUN_ID
    assert find(workspace, "latest", "dots").name == RUN_ID
    with pytest.raises(InputError, match="'zoo'"):
        find(workspace, "latest", "zoo")
    with pytest.raises(InputError, match="sightline train"):
        find(Workspace(tmp_path), "latest")


def test_champion_has_precedence_over_the_latest_run(workspace, tmp_path):
    shutil.copytree(workspace.root, tmp_path / "root")
    workspace = Workspace(tmp_path / "root")
    version = registry.register(workspace, run_folder.read(workspace, RUN_ID))
    assert choose(workspace) == choose(workspace, "dots") == "latest"
    registry.promote(workspace, version, "it is the first", None, None, forced=True)
    assert choose(workspace) == choose(workspace, "dots") == "champion"
    assert choose(workspace, "zoo") == "latest"


def test_file_has_the_record_of_its_run_only_beside_the_manifest(workspace, tmp_path):
    path = run_folder.folder(workspace, RUN_ID) / "model.keras"
    model = find(workspace, str(path))
    assert (model.name, model.metadata.class_names) == (RUN_ID, CLASS_NAMES)
    model = find(workspace, str(shutil.copy(path, tmp_path / "mine.keras")))
    assert (model.metadata, model.profile) == (None, None)


def test_replaced_or_damaged_run_and_ambiguous_prefix_are_refused(tmp_path):
    folder, workspace = publish(tmp_path), Workspace(tmp_path)
    before = find(workspace, RUN_ID).sha256
    honest_model(folder / "model.keras")
    for name in (RUN_ID, str(folder / "model.keras")):
        assert find(workspace, name).sha256 == before, "checked when the model is loaded"
    shutil.copytree(folder, folder.with_name(RUN_ID[:-1] + "0"))
    with pytest.raises(InputError, match="2 runs"):
        find(workspace, RUN_ID[:8])
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"manifest\.json"):
        find(workspace, str(folder / "model.keras"))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing.keras", ModelFileError),
        ("./folder/x", ModelFileError),
        ("a\0.keras", InputError),
        ("\udcff.keras", InputError),
        ("/dev/zero", ModelFileError),
        ("/", ModelFileError),
        ("n" * 300 + ".keras", InputError),
    ],
)
def test_path_without_a_model_file_is_refused(workspace, name, error):
    with pytest.raises(error):
        find(workspace, name)


def test_aliases_and_versions_come_from_the_registry(workspace, tmp_path):
    shutil.copytree(workspace.root, tmp_path / "root")
    workspace = Workspace(tmp_path / "root")
    for name in ("champion", "dots-v1"):
        with pytest.raises(InputError):
            find(workspace, name)
    version = registry.register(workspace, run_folder.read(workspace, RUN_ID))
    model = find(workspace, version.name)
    assert (model.name, model.metadata.class_names) == (version.name, CLASS_NAMES)
    assert model.sha256 == digests.sha256(Path(model.path))
    assert find(workspace, "candidate").name == f"{version.name} (candidate)"
    assert find(workspace, "candidate", "dots").sha256 == model.sha256
