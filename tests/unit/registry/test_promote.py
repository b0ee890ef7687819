import json
import re
from datetime import datetime

import pytest

from runs_to_promote import CLASS_NAMES, decide, promote, publish, register
from sightline import registry
from sightline.errors import ChampionChangedError, InputError
from sightline.experiments import pins
from sightline.registry import Aliases
from sightline.storage import files


@pytest.fixture
def version(root):
    return register(root, "run-1")


@pytest.fixture
def champions(root):
    """Three versions that were promoted one after the other."""
    return [promote(root, f"run-{number}") for number in (1, 2, 3)]


def pinned(workspace):
    """Return the reasons of all pins by run."""
    return {name: pins.read(workspace, name).reason for name in pins.pinned_ids(workspace)}


def test_promoted_version_is_champion_and_pinned(workspace, version):
    decision = decide("run-1")
    event = registry.promote(workspace, version, "the first", decision, None)
    assert (event.champion_before, event.champion_after) == (None, "mnist-v1")
    assert (event.reason, event.decision, event.forced) == ("the first", decision, False)
    assert registry.champion(workspace, "mnist") == version
    assert registry.aliases(workspace, "mnist").candidate is None
    assert pinned(workspace) == {"run-1": "promoted as mnist-v1: the first"}
    assert not workspace.path("models/mnist/attestations").exists()  # without a key
    assert registry.promote(workspace, version, "again", decision, "mnist-v1") == event
    assert len(registry.history(workspace)) == 2


def test_existing_pin_and_newer_candidate_stay(workspace, version):
    pins.pin(workspace, "run-1", "in the paper")
    register(workspace.root, "run-2")
    assert registry.aliases(workspace, "mnist").candidate == "mnist-v2"
    registry.promote(workspace, version, "better", decide("run-1"), None)
    assert registry.aliases(workspace, "mnist").candidate == "mnist-v2"
    assert pinned(workspace) == {"run-1": "in the paper"}


def test_version_outlives_its_run_and_the_cache(workspace, version):
    files.remove(workspace.path("runs/run-1"))
    files.remove(workspace.path("cache"))
    publish(workspace.root, "run-1-of-another-day")
    registry.promote(workspace, version, "better", decide("run-1"), None)
    assert registry.champion(workspace, "mnist") == version
    assert pinned(workspace) == {}


@pytest.mark.parametrize("compared", ["mnist-v1", None])
def test_version_compared_with_an_earlier_champion_is_not_promoted(workspace, champions, compared):
    fourth = register(workspace.root, "run-4")
    with pytest.raises(ChampionChangedError, match=f"mnist-v3.*{compared or 'none'}.*mnist-v4"):
        registry.promote(workspace, fourth, "better", decide("run-4", compared), compared)
    assert registry.aliases(workspace, "mnist").champion == "mnist-v3"


def test_refused_version_is_promoted_only_by_force(workspace, version):
    refused, unknown = decide("run-1", promote=False), version.model_copy(update={"number": 7})
    for one, decision, forced, refusal in (
        (version, refused, False, "mnist-v1.*--force"),
        (version, None, False, "mnist-v1.*--force"),
        (version, decide("run-2"), True, "run-2.*mnist-v1.*run-1"),
        (unknown, decide("run-1"), False, "mnist-v7"),
    ):
        with pytest.raises(InputError, match=refusal):
            registry.promote(workspace, one, "why not", decision, None, forced)
    event = registry.promote(workspace, version, "an emergency", refused, None, forced=True)
    assert (event.forced, event.decision) == (True, refused)
    assert registry.aliases(workspace, "mnist").champion == "mnist-v1"


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1001])
def test_reason_is_required(workspace, version, reason):
    with pytest.raises(InputError, match="--reason"):
        registry.promote(workspace, version, reason, decide("run-1"), None)
    with pytest.raises(InputError, match="--reason"):
        registry.rollback(workspace, "mnist", reason)


def test_hostile_reason_and_author_are_escaped(workspace, version, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_USER", "\x1b[2Jada\u202e\udcff" * 100)
    event = registry.promote(workspace, version, "a\x1b[31m\nb \udcff", decide("run-1"), None)
    assert event.reason == "a\\x1b[31m\\nb \\udcff"
    assert event.who.startswith("\\x1b[2Jada\\u202e\\udcff")
    assert len(event.who) == 200
    assert registry.history(workspace)[-1] == event
    monkeypatch.delenv("SIGHTLINE_USER")
    monkeypatch.setenv("LOGNAME", "grace")
    register(workspace.root, "run-2")
    assert registry.history(workspace)[-1].who.startswith("grace@")


def test_refused_version_is_no_candidate(workspace, champions):
    refused = decide("run-4", "mnist-v3", promote=False)
    with pytest.raises(InputError, match=r"mnist-v3.*`sightline models rollback`"):
        registry.refuse(workspace, champions[-1], refused)
    version = register(workspace.root, "run-4")
    event = registry.refuse(workspace, version, refused)
    assert (event.reason, event.decision) == (refused.sentence, refused)
    assert (event.champion_before, event.champion_after) == ("mnist-v3", "mnist-v3")
    assert registry.aliases(workspace, "mnist") == Aliases(champion="mnist-v3")
    assert "run-4" not in pinned(workspace)
    assert registry.refuse(workspace, version, refused) == event
    assert registry.refuse(workspace, version, refused, "I like it").reason == "I like it"
    registry.refuse(workspace, version, refused.model_copy(update={"accuracy": 0.5}))
    actions = [event.action for event in registry.history(workspace)]
    assert actions[-4:] == ["register", "refuse", "refuse", "refuse"]


def test_rollback_returns_step_by_step(workspace, champions):
    event = registry.rollback(workspace, "mnist", "it is worse", "mnist-v3")
    found = (event.action, event.version, event.champion_after)
    assert found == ("rollback", "mnist-v2", "mnist-v2")
    with pytest.raises(ChampionChangedError, match=r"mnist-v2.*mnist-v3"):
        registry.rollback(workspace, "mnist", "it is worse", "mnist-v3")
    assert registry.aliases(workspace, "mnist").champion == "mnist-v2"
    assert registry.rollback(workspace, "mnist", "still worse").champion_after == "mnist-v1"
    with pytest.raises(InputError, match=r"mnist-v1.*`sightline models history`"):
        registry.rollback(workspace, "mnist", "further")
    promote(workspace.root, "run-3")
    assert registry.rollback(workspace, "mnist", "again").champion_after == "mnist-v1"


@pytest.mark.parametrize("dataset", ["", "..", "../mnist", "a/b", "A", "a" * 41, "a\n", "/etc"])
def test_hostile_data_set_name_is_refused(workspace, dataset):
    refusal = f"{re.escape(repr(dataset[:60]))}.*`sightline models list`"
    for read in (registry.aliases, registry.champion, registry.versions, registry.history):
        with pytest.raises(InputError, match=refusal):
            read(workspace, dataset)
    with pytest.raises(InputError, match=refusal):
        registry.rollback(workspace, dataset, "why")


@pytest.mark.parametrize("name", ["model.keras", "exports/model.onnx", "certificate.json"])
@pytest.mark.parametrize("damage", ["change", "remove", "link"])
def test_damaged_version_is_not_promoted_and_nothing_is_written(workspace, version, name, damage):
    path = workspace.path(version.folder) / name
    moved = path.rename(workspace.root / "elsewhere")
    if damage == "change":
        path.write_bytes(moved.read_bytes()[:-1] + b"?")
    elif damage == "link":
        path.symlink_to(moved)
    for forced in (False, True):
        with pytest.raises(InputError, match=f"{name} .*Restore it from a copy"):
            registry.promote(workspace, version, "why", decide("run-1"), None, forced=forced)
    assert len(registry.history(workspace)) == 1
    assert pinned(workspace) == {}


def test_rollback_leaves_a_damaged_champion(workspace, champions):
    first, _, third = champions
    files.remove(workspace.path(third.folder))
    assert registry.run_of(workspace, "mnist", "champion") == "run-3"
    assert registry.rollback(workspace, "mnist", "it is gone").champion_after == "mnist-v2"
    (workspace.path(first.folder) / "model.keras").write_bytes(b"another")
    with pytest.raises(InputError, match=r"1/model\.keras"):
        registry.rollback(workspace, "mnist", "further")
    assert registry.aliases(workspace, "mnist").champion == "mnist-v2"


def test_file_names_the_champion_after_each_promotion_and_rollback(workspace, champions, caplog):
    path = workspace.path("models/mnist/champion.json")
    found = json.loads(path.read_bytes())
    assert (found["version"], found["number"], found["event"]) == ("mnist-v3", 3, 6)
    assert found["model_sha256"] == champions[2].model.sha256
    assert workspace.path(f"{found['folder']}/model.keras").is_file()
    assert (found["class_names"], found["image_shape"]) == (list(CLASS_NAMES), [8, 8, 1])
    event = registry.rollback(workspace, "mnist", "worse")
    after = json.loads(path.read_bytes())
    assert (after["version"], after["event"]) == ("mnist-v2", 7)
    assert datetime.fromisoformat(after["since"]) == event.created
    path.unlink()  # as if the process had been killed before it wrote the file
    registry.promote(workspace, champions[1], "again", decide("run-2"), "mnist-v2")
    assert json.loads(path.read_bytes()) == after
    path.unlink()
    path.mkdir()
    registry.promote(workspace, champions[0], "better", decide("run-1", "mnist-v2"), "mnist-v2")
    assert registry.champion(workspace, "mnist") == champions[0]
    assert "champion.json could not be updated" in caplog.text
