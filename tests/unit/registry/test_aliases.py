import pytest

from runs_to_promote import promote, register
from sightline import registry
from sightline.errors import InputError
from sightline.storage import files
from sightline.storage.workspace import Workspace


@pytest.fixture
def workspace(root):
    """mnist has a champion and a candidate, zoo a candidate."""
    promote(root, "mnist-1")
    register(root, "mnist-2")
    register(root, "zoo-1", "zoo")
    return Workspace(root)


@pytest.mark.parametrize(
    ("name", "dataset", "expected"),
    [
        ("champion", None, "mnist-v1"),
        ("champion", "mnist", "mnist-v1"),
        ("candidate", "zoo", "zoo-v1"),
        ("mnist-v2", None, "mnist-v2"),
        ("zoo-v1", "zoo", "zoo-v1"),
    ],
)
def test_alias_or_name_stands_for_a_version(workspace, name, dataset, expected):
    assert registry.is_name(name)
    assert registry.resolve(workspace, name, dataset).name == expected
    assert registry.find(workspace, name, dataset) == expected


@pytest.mark.parametrize(
    ("name", "dataset", "message"),
    [
        ("candidate", None, "mnist-v2, zoo-v1; choose with --dataset"),
        ("champion", "zoo", "zoo .*`sightline models promote RUN`"),
        ("mnist-v3", None, "'mnist-v3'.*`sightline models list`"),
        ("mnist-v1", "zoo", "mnist, not of 'zoo'"),
    ],
)
def test_name_without_a_version_is_refused(workspace, name, dataset, message):
    with pytest.raises(InputError, match=message):
        registry.resolve(workspace, name, dataset)


@pytest.mark.parametrize(
    "name",
    ["latest", "mnist-v0", "mnist-v01", "../x-v1", "mnist-v1\n", "mnist-v\u0661", "", "x" * 5000],
)
def test_text_in_another_form_is_no_name(workspace, name):
    assert not registry.is_name(name)
    with pytest.raises(InputError, match=r"mnist-v3.*`sightline models list`") as refused:
        registry.resolve(workspace, name)
    assert len(str(refused.value)) < 400


def test_run_of_an_alias_is_known_without_its_version(workspace):
    files.remove(workspace.path("models/mnist/versions"))
    assert registry.run_of(workspace, "mnist", "champion") == "mnist-1"
    assert registry.run_of(workspace, "mnist", "candidate") == "mnist-2"
    assert registry.run_of(workspace, "zoo", "champion") is None
    assert registry.run_of(workspace, "cats", "candidate") is None


def test_empty_registry_knows_no_names(tmp_path):
    empty = Workspace(tmp_path / "nothing")
    assert registry.aliases(empty, "mnist") == registry.Aliases()
    assert registry.champion(empty, "mnist") is None
    assert registry.versions(empty) == []
    assert registry.history(empty) == []
    with pytest.raises(InputError, match="`sightline models promote RUN`"):
        registry.resolve(empty, "champion")
    with pytest.raises(InputError, match="`sightline models history`"):
        registry.rollback(empty, "mnist", "why")
    assert not empty.root.exists()
