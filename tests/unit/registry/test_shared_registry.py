"""The registry of two machines that share nothing but an object store."""

import pytest

from machines import keys, publish, two
from runs_to_promote import decide
from sightline import registry
from sightline.errors import ChampionChangedError, InputError
from sightline.experiments import pins
from sightline.registry import audit_log, champion_file
from sightline.registry.attestation.verify import verify as verify_attestation
from sightline.storage import files


@pytest.fixture
def machines(tmp_path):
    return two(tmp_path, f"memory://{tmp_path.name}")


def promote(workspace, version, expected):
    decision = decide(version.run_id, expected)
    return registry.promote(workspace, version, "better", decision, expected)


def test_champion_is_that_of_the_other_machine(machines):
    a, b = machines
    version = registry.register(a, publish(a, "run-1"))
    assert registry.aliases(b, "mnist").candidate == "mnist-v1"
    promote(a, version, None)
    assert registry.champion(b, "mnist") == version
    assert pins.pinned_ids(b) == {"run-1"}
    second = registry.register(b, publish(b, "run-2"))
    assert second.name == "mnist-v2"
    promote(b, second, "mnist-v1")
    assert registry.champion(a, "mnist") == second
    registry.rollback(a, "mnist", "worse at night", "mnist-v2")
    assert [event.number for event in registry.history(b)] == [1, 2, 3, 4, 5]
    assert registry.champion(b, "mnist") == version
    assert [registry.verify(b, name).damages for name in registry.names(b)] == [(), ()]


def test_of_two_promotions_that_saw_the_same_champion_one_is_refused(machines, monkeypatch):
    a, b = machines
    versions = [registry.register(a, publish(a, name)) for name in ("run-1", "run-2")]
    read = audit_log.read

    def overtaken(workspace, dataset):
        log = read(workspace, dataset)
        monkeypatch.setattr(audit_log, "read", read)
        promote(b, versions[1], None)
        return log

    monkeypatch.setattr(audit_log, "read", overtaken)
    with pytest.raises(ChampionChangedError, match="now mnist-v2, not none"):
        promote(a, versions[0], None)
    assert [event.action for event in registry.history(a)] == ["register", "register", "promote"]


def test_registration_that_is_overtaken_takes_the_next_number(machines, monkeypatch):
    a, b = machines
    mine, theirs = publish(a, "run-1"), publish(a, "run-2")
    read = audit_log.read

    def overtaken(workspace, dataset):
        log = read(workspace, dataset)
        monkeypatch.setattr(audit_log, "read", read)
        registry.register(b, theirs)
        return log

    publish(b, "run-2")
    monkeypatch.setattr(audit_log, "read", overtaken)
    assert registry.register(a, mine).name == "mnist-v2"
    assert [version.run_id for version in registry.versions(b)] == ["run-2", "run-1"]


@pytest.mark.parametrize("stored", [True, False])
def test_registration_that_was_killed_is_completed_by_another_machine(
    machines, monkeypatch, stored
):
    a, b = machines
    manifest = publish(a, "run-1")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(audit_log if stored else files, "append" if stored else "_sync", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.register(a, manifest)
    assert registry.aliases(b, "mnist").candidate is None
    publish(b, "run-1")
    version = registry.register(b, manifest)
    assert registry.resolve(a, "candidate") == version
    assert registry.verify(a, version.name).damages == ()


def test_model_is_brought_here_and_damage_in_the_store_is_found(machines):
    a, b = machines
    version = registry.register(a, publish(a, "run-1"))
    assert registry.verify(b, version.name).damages == ()
    a.store.write(version.model.path, b"other")
    (damage,) = registry.verify(b, version.name).damages
    assert damage.path == version.model.path
    with pytest.raises(InputError, match=r"model\.keras is damaged"):
        promote(b, version, None)


def test_signed_provenance_is_checked_on_another_machine(machines, key):
    a, b = machines
    version = registry.register(a, publish(a, "run-1"))
    promote(b, version, None)
    public = key.with_name(f"{key.name}.pub")
    assert registry.verify(a, version.name).damages == ()
    assert verify_attestation(a, version.name, public) == ()


def test_lock_and_unfinished_files_of_another_process_stay(machines):
    a, _ = machines
    names = (".lock", "audit/.000001.json.01234567.tmp", "versions/.1.01234567.tmp/version.json")
    hidden = [a.path(f"models/mnist/{name}") for name in names]
    for path in hidden:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert registry.versions(a) == []
    assert all(path.exists() for path in hidden)


def test_stale_replica_decides_nothing(machines):
    a, b = machines
    version = registry.register(a, publish(a, "run-1"))
    promote(a, version, None)
    assert registry.champion(b, "mnist") == version
    for key in keys(a, "models/"):
        a.store.delete(key)
    assert registry.aliases(b, "mnist").champion is None


def test_file_of_the_champion_is_never_that_of_an_earlier_event(machines):
    a, b = machines
    first, second = (registry.register(a, publish(a, f"run-{n}")) for n in (1, 2))
    earlier = promote(a, first, None)
    later = promote(b, second, "mnist-v1")
    champion_file.write(a, first, earlier)  # whose machine was suspended after the event
    key = "models/mnist/champion.json"
    assert b'"mnist-v2"' in a.store.read(key)
    a.store.write(key, b"damaged")
    champion_file.write(a, second, later)
    assert b'"mnist-v2"' in b.store.read(key)
    registry.champion(b, "mnist")
    assert b.path(key).read_bytes() == b.store.read(key)
