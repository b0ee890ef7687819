from pathlib import Path

import pytest

import runs_to_promote
from runs_to_promote import decide
from sightline import registry
from sightline.errors import InputError
from sightline.storage import files
from sightline.storage.workspace import Workspace


@pytest.fixture
def filled(root: Path) -> Path:
    """mnist has a champion and a candidate, zoo a candidate."""
    for dataset, number in (("mnist", 1), ("mnist", 2), ("zoo", 1)):
        manifest = runs_to_promote.publish(root, f"{dataset}-{number}", dataset)
        version = registry.register(Workspace(root), manifest)
        if version.name == "mnist-v1":
            registry.promote(Workspace(root), version, "first", decide("mnist-1"), None)
    return root


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
    filled: Path, name: str, dataset: str | None, expected: str
) -> None:
    assert registry.resolve(Workspace(filled), name, dataset).name == expected
    assert registry.find(Workspace(filled), name, dataset) == expected


@pytest.mark.parametrize(
    ("name", "dataset", "message"),
    [
        ("candidate", None, "2 data sets have a candidate: mnist-v2, zoo-v1; say which"),
        ("champion", "zoo", "There is no champion of zoo in"),
        ("champion", "cats", "There is no champion of cats in"),
        ("latest", None, "'latest' is no model of the store"),
        ("newest", None, "'newest' is no model of the store"),
        ("mnist-v3", None, "There is no version 'mnist-v3'"),
        ("mnist-v0", None, "'mnist-v0' is no model of the store"),
        ("mnist-v01", None, "'mnist-v01' is no model of the store"),
        ("mnist-v1", "zoo", "mnist-v1 is a version of mnist, not of 'zoo'"),
        ("../../etc/passwd-v1", None, "is no model of the store"),
        ("mnist-v1\n", None, "is no model of the store"),
        ("mnist-v\u0661", None, "is no model of the store"),
        ("x" * 5000, None, "is no model of the store"),
    ],
)
def test_name_that_stands_for_none_is_refused(
    filled: Path, name: str, dataset: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        registry.resolve(Workspace(filled), name, dataset)
    assert len(str(refused.value)) < 400


def test_run_of_an_alias_is_known_without_its_version(filled: Path) -> None:
    files.remove(filled / "models/mnist/versions")
    assert registry.run_of(Workspace(filled), "mnist", "champion") == "mnist-1"
    assert registry.run_of(Workspace(filled), "mnist", "candidate") == "mnist-2"
    assert registry.run_of(Workspace(filled), "zoo", "champion") is None
    assert registry.run_of(Workspace(filled), "cats", "candidate") is None


def test_names_that_the_store_understands() -> None:
    assert all(registry.is_name(text) for text in (*registry.ALIASES, "mnist-v1", "a-v1-v2"))
    assert not any(
        registry.is_name(text) for text in ("", "latest", "mnist-v0", "mnist-v1\n", "-v1")
    )


def test_empty_store_says_what_makes_a_champion(root: Path) -> None:
    with pytest.raises(InputError, match="`sightline models promote RUN` makes a champion"):
        registry.resolve(Workspace(root), "champion")
    assert registry.datasets(Workspace(root)) == []
    assert registry.versions(Workspace(root)) == []
    assert registry.history(Workspace(root)) == []
    assert not root.exists()
