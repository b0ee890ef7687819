from pathlib import Path

import pytest

from runs_to_promote import promote, register
from sightline import registry
from sightline.errors import InputError
from sightline.storage import files
from sightline.storage.workspace import Workspace


@pytest.fixture
def workspace(root: Path) -> Workspace:
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
def test_alias_or_name_stands_for_a_version(
    workspace: Workspace, name: str, dataset: str | None, expected: str
) -> None:
    assert registry.resolve(workspace, name, dataset).name == expected
    assert registry.find(workspace, name, dataset) == expected


NOT_A_NAME = "expected champion, candidate, or a version"


@pytest.mark.parametrize(
    ("name", "dataset", "message"),
    [
        ("candidate", None, "mnist-v2, zoo-v1; choose with --dataset"),
        ("champion", "zoo", "no champion of zoo .*sightline models promote RUN"),
        ("champion", "cats", "no champion of cats"),
        ("latest", None, NOT_A_NAME),
        ("mnist-v3", None, "'mnist-v3'.*sightline models list"),
        ("mnist-v0", None, NOT_A_NAME),
        ("mnist-v01", None, NOT_A_NAME),
        ("mnist-v1", "zoo", "mnist, not of 'zoo'"),
        ("../../etc/passwd-v1", None, NOT_A_NAME),
        ("mnist-v1\n", None, NOT_A_NAME),
        ("mnist-v\u0661", None, NOT_A_NAME),
        ("x" * 5000, None, NOT_A_NAME),
    ],
)
def test_name_without_a_version_is_refused(
    workspace: Workspace, name: str, dataset: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        registry.resolve(workspace, name, dataset)
    assert len(str(refused.value)) < 400


def test_run_of_an_alias_is_known_without_its_version(workspace: Workspace) -> None:
    files.remove(workspace.path("models/mnist/versions"))
    assert registry.run_of(workspace, "mnist", "champion") == "mnist-1"
    assert registry.run_of(workspace, "mnist", "candidate") == "mnist-2"
    assert registry.run_of(workspace, "zoo", "champion") is None
    assert registry.run_of(workspace, "cats", "candidate") is None


def test_form_of_a_name_is_recognized() -> None:
    assert all(registry.is_name(text) for text in (*registry.ALIASES, "mnist-v1", "a-v1-v2"))
    assert not any(
        registry.is_name(text) for text in ("", "latest", "mnist-v0", "mnist-v1\n", "-v1")
    )


def test_empty_registry_knows_no_names(tmp_path: Path) -> None:
    empty = Workspace(tmp_path / "nothing")
    assert registry.aliases(empty, "mnist") == registry.Aliases()
    assert registry.champion(empty, "mnist") is None
    assert registry.versions(empty) == []
    assert registry.history(empty) == []
    with pytest.raises(InputError, match="`sightline models promote RUN`"):
        registry.resolve(empty, "champion")
    assert not empty.root.exists()
