from pathlib import Path

import pytest

import runs_to_promote
from runs_to_promote import decide
from sightline import registry
from sightline.errors import ChampionChangedError, InputError
from sightline.registry import Version
from sightline.runs import pins
from sightline.storage import files
from sightline.storage.workspace import Workspace


def registered(root: Path, *numbers: int) -> list[Version]:
    return [
        registry.register(Workspace(root), runs_to_promote.publish(root, f"run-{number}"))
        for number in numbers
    ]


def promoted(root: Path, *found: Version) -> None:
    for version in found:
        champion = registry.aliases(Workspace(root), version.dataset).champion
        decision = decide(version.run_id, champion)
        registry.promote(Workspace(root), version, "it is better", decision, champion)


def test_promoted_version_is_the_champion_and_its_run_is_pinned(root: Path) -> None:
    (version,) = registered(root, 1)
    decision = decide("run-1")
    event = registry.promote(Workspace(root), version, "the first", decision, None)
    assert (event.champion_before, event.champion_after) == (None, "mnist-v1")
    assert (event.reason, event.decision, event.forced) == ("the first", decision, False)
    assert registry.champion(Workspace(root), "mnist") == version
    assert registry.aliases(Workspace(root), "mnist").candidate is None
    pin = pins.find(Workspace(root), "run-1")
    assert pin is not None
    assert pin.reason == "promoted as mnist-v1: the first"


def test_reason_of_a_pin_that_somebody_set_stays(root: Path) -> None:
    (version,) = registered(root, 1)
    pins.pin(Workspace(root), "run-1", "in the paper")
    promoted(root, version)
    pin = pins.find(Workspace(root), "run-1")
    assert pin is not None
    assert pin.reason == "in the paper"


def test_version_whose_run_is_gone_can_be_promoted(root: Path) -> None:
    (version,) = registered(root, 1)
    files.remove(root / "runs" / "run-1")
    runs_to_promote.publish(root, "run-1-of-another-day")
    promoted(root, version)
    assert registry.champion(Workspace(root), "mnist") == version
    assert pins.pinned_ids(Workspace(root)) == frozenset()


def test_promoting_the_champion_again_changes_nothing(root: Path) -> None:
    (version,) = registered(root, 1)
    event = registry.promote(Workspace(root), version, "the first", decide("run-1"), None)
    assert registry.promote(Workspace(root), version, "again", decide("run-1"), "mnist-v1") == event
    assert len(registry.history(Workspace(root))) == 2


def test_version_that_was_compared_with_an_earlier_champion_is_not_promoted(root: Path) -> None:
    first, second, third = registered(root, 1, 2, 3)
    promoted(root, first, second)
    with pytest.raises(ChampionChangedError, match="mnist-v2 by now, mnist-v3 was compared with"):
        registry.promote(Workspace(root), third, "better", decide("run-3", "mnist-v1"), "mnist-v1")
    with pytest.raises(ChampionChangedError, match="compared with none"):
        registry.promote(Workspace(root), third, "better", decide("run-3"), None)
    assert registry.aliases(Workspace(root), "mnist").champion == "mnist-v2"


def test_version_that_the_gate_refuses_is_promoted_only_by_force(root: Path) -> None:
    (version,) = registered(root, 1)
    for decision in (decide("run-1", promote=False), None):
        with pytest.raises(InputError, match="mnist-v1 is not promoted"):
            registry.promote(Workspace(root), version, "why not", decision, None)
    refused = decide("run-1", promote=False)
    event = registry.promote(Workspace(root), version, "an emergency", refused, None, forced=True)
    assert event.forced
    assert event.decision == refused
    assert registry.aliases(Workspace(root), "mnist").champion == "mnist-v1"


def test_decision_about_another_run_is_refused(root: Path) -> None:
    (version,) = registered(root, 1)
    with pytest.raises(InputError, match="about run run-2, but mnist-v1 is of run run-1"):
        registry.promote(Workspace(root), version, "why", decide("run-2"), None, forced=True)


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1001])
def test_reason_has_to_be_given(root: Path, reason: str) -> None:
    (version,) = registered(root, 1)
    with pytest.raises(InputError, match="A reason has to be given"):
        registry.promote(Workspace(root), version, reason, decide("run-1"), None)
    with pytest.raises(InputError, match="A reason has to be given"):
        registry.rollback(Workspace(root), "mnist", reason)


def test_hostile_reason_and_author_are_kept_printable(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (version,) = registered(root, 1)
    monkeypatch.setenv("SIGHTLINE_USER", "\x1b[2Jada\u202e\udcff" * 100)
    event = registry.promote(Workspace(root), version, "a\x1b[31m\nb \udcff", decide("run-1"), None)
    assert event.reason == "a\\x1b[31m\\nb \\udcff"
    assert event.who.startswith("\\x1b[2Jada\\u202e\\udcff")
    assert len(event.who) == 200
    assert registry.history(Workspace(root))[-1] == event


def test_author_is_login_and_host_unless_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGHTLINE_USER")
    monkeypatch.setenv("LOGNAME", "grace")
    registered(root, 1)
    assert registry.history(Workspace(root))[0].who.startswith("grace@")


def test_refused_version_is_no_longer_the_candidate(root: Path) -> None:
    first, second = registered(root, 1, 2)
    promoted(root, first)
    decision = decide("run-2", "mnist-v1", promote=False)
    event = registry.refuse(Workspace(root), second, decision)
    assert event.reason == decision.sentence
    assert event.decision == decision
    assert (event.champion_before, event.champion_after) == ("mnist-v1", "mnist-v1")
    assert registry.aliases(Workspace(root), "mnist") == registry.Aliases(champion="mnist-v1")
    assert pins.pinned_ids(Workspace(root)) == {"run-1"}


def test_reason_that_somebody_gave_for_a_refusal_is_kept(root: Path) -> None:
    (version,) = registered(root, 1)
    decision = decide("run-1", promote=False)
    registry.refuse(Workspace(root), version, decision)
    assert registry.refuse(Workspace(root), version, decision, "I like it").reason == "I like it"
    assert [event.decision for event in registry.history(Workspace(root))] == [
        None,
        decision,
        decision,
    ]


def test_same_refusal_again_adds_nothing(root: Path) -> None:
    (version,) = registered(root, 1)
    decision = decide("run-1", promote=False)
    assert registry.refuse(Workspace(root), version, decision) == registry.refuse(
        Workspace(root), version, decision
    )
    assert len(registry.history(Workspace(root))) == 2
    registry.refuse(Workspace(root), version, decision.model_copy(update={"accuracy": 0.5}))
    assert len(registry.history(Workspace(root))) == 3


def test_champion_cannot_be_refused(root: Path) -> None:
    (version,) = registered(root, 1)
    promoted(root, version)
    with pytest.raises(InputError, match="mnist-v1 is the champion and cannot be refused"):
        registry.refuse(Workspace(root), version, decide("run-1", promote=False))


def test_candidate_is_the_one_that_was_registered_last(root: Path) -> None:
    first, second = registered(root, 1, 2)
    assert registry.aliases(Workspace(root), "mnist").candidate == second.name
    promoted(root, first)
    assert registry.aliases(Workspace(root), "mnist").candidate == second.name


def test_rollback_goes_back_step_by_step(root: Path) -> None:
    found = registered(root, 1, 2, 3)
    promoted(root, *found)
    for before in ("mnist-v2", "mnist-v1"):
        event = registry.rollback(Workspace(root), "mnist", "it is worse")
        assert (event.action, event.version) == ("rollback", before)
        assert registry.aliases(Workspace(root), "mnist").champion == before
    with pytest.raises(InputError, match="its champion mnist-v1 is the first"):
        registry.rollback(Workspace(root), "mnist", "further")
    promoted(root, found[2])
    assert registry.rollback(Workspace(root), "mnist", "again").champion_after == "mnist-v1"


def test_nothing_is_left_behind_where_there_is_nothing_to_roll_back(root: Path) -> None:
    with pytest.raises(InputError, match="it has no champion"):
        registry.rollback(Workspace(root), "mnist", "why")
    assert not root.exists()


@pytest.mark.parametrize("dataset", ["", "..", "../mnist", "a/b", "A", "a" * 41, "a\n", "/etc"])
def test_hostile_name_of_a_data_set_is_refused(root: Path, dataset: str) -> None:
    for ask in (registry.aliases, registry.champion, registry.versions, registry.history):
        with pytest.raises(InputError, match="is no name of a data set"):
            ask(root, dataset)
    with pytest.raises(InputError, match="is no name of a data set"):
        registry.rollback(Workspace(root), dataset, "why")


def test_version_that_was_never_registered_is_not_promoted(root: Path) -> None:
    (version,) = registered(root, 1)
    unknown = version.model_copy(update={"number": 7})
    with pytest.raises(InputError, match="no version 'mnist-v7'"):
        registry.promote(Workspace(root), unknown, "why", decide("run-1"), None)


@pytest.mark.parametrize("name", ["model.keras", "exports/model.onnx", "certificate.json"])
@pytest.mark.parametrize("damage", ["change", "remove", "link"])
def test_damaged_version_is_not_promoted_and_nothing_is_written(
    root: Path, name: str, damage: str
) -> None:
    (version,) = registered(root, 1)
    path = root / version.folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == "change":
        path.write_bytes(content[:-1] + b"?")
    elif damage == "link":
        path.symlink_to(path.with_name("elsewhere"))
        path.with_name("elsewhere").write_bytes(content)
    for forced in (False, True):
        with pytest.raises(InputError, match=rf"{name} is damaged: .* Restore it from a copy"):
            registry.promote(Workspace(root), version, "why", decide("run-1"), None, forced=forced)
    assert len(registry.history(Workspace(root))) == 1
    assert pins.pinned_ids(Workspace(root)) == frozenset()


def test_damaged_champion_is_left_behind_and_not_gone_back_to(root: Path) -> None:
    first, second, third = registered(root, 1, 2, 3)
    promoted(root, first, second, third)
    files.remove(root / third.folder)
    assert registry.run_of(Workspace(root), "mnist", "champion") == "run-3"
    assert registry.rollback(Workspace(root), "mnist", "it is gone").champion_after == "mnist-v2"
    (root / first.folder / "model.keras").write_bytes(b"another")
    with pytest.raises(InputError, match=r"1/model\.keras is damaged"):
        registry.rollback(Workspace(root), "mnist", "further")
    assert registry.aliases(Workspace(root), "mnist").champion == "mnist-v2"


@pytest.mark.parametrize("name", [".lock", "versions"])
def test_what_is_in_the_way_of_a_file_is_named(root: Path, name: str) -> None:
    promoted(root, *registered(root, 1))
    place = root / "models/mnist" / name
    files.remove(place)
    place.write_text("") if name == "versions" else place.mkdir()
    manifest = runs_to_promote.publish(root, "run-2")
    with pytest.raises(InputError, match=f"models/mnist/{name} is in the way"):
        registry.register(Workspace(root), manifest)
