import json

import pytest

from cli import sightline
from machines import publish, two
from runs_to_promote import decide, promote, register
from sightline import registry
from sightline.errors import InputError
from sightline.experiments import pins
from sightline.registry import prune
from sightline.storage import files


@pytest.fixture
def versions(root, workspace):
    """Versions 1, 2 and 3 were champions, 4 to 6 refused; 7 is the candidate."""
    for number in (1, 2, 3):
        promote(root, f"run-{number}")
    for number in (4, 5, 6):
        refuse(workspace, register(root, f"run-{number}"))
    register(root, "run-7")


def refuse(workspace, version):
    champion = registry.aliases(workspace, "mnist").champion
    registry.refuse(workspace, version, decide(version.run_id, champion, promote=False))


def left(workspace):
    """Return the files of each version by its number."""
    folder = workspace.path("models/mnist/versions")
    return {int(one.name): sorted(path.name for path in one.iterdir()) for one in folder.iterdir()}


def test_old_versions_lose_their_files_and_keep_record_and_events(workspace, versions):
    before = left(workspace)
    sizes = {
        number: files.size(workspace.path(f"models/mnist/versions/{number}")) for number in before
    }
    planned = prune.plan(workspace, keep=1)
    assert left(workspace) == before
    assert prune.prune(workspace, keep=1) == planned
    assert [(one.version, one.last) for one in planned.versions] == [
        ("mnist-v1", "promoted"),
        ("mnist-v4", "refused"),
        ("mnist-v5", "refused"),
    ]
    assert {one.version: one.reason for one in planned.kept} == {
        "mnist-v7": "candidate",
        "mnist-v6": "among the newest",
        "mnist-v3": "champion",
        "mnist-v2": "previous champion",
    }
    after = left(workspace)
    assert {number for number in after if after[number] == ["version.json"]} == {1, 4, 5}
    assert all(after[number] == before[number] for number in (2, 3, 6, 7))
    assert 0 < planned.versions[0].bytes < sizes[1]
    events = registry.history(workspace)[-3:]
    assert [(one.action, one.version, one.who) for one in events] == [
        ("prune", f"mnist-v{number}", "ada") for number in (1, 4, 5)
    ]
    assert prune.prune(workspace, keep=1).versions == ()


def test_rollback_registration_and_verification_go_on_after_pruning(root, workspace, versions):
    prune.prune(workspace, keep=0)
    assert [one.name for one in registry.versions(workspace)] == [
        "mnist-v2",
        "mnist-v3",
        "mnist-v7",
    ]
    names = registry.names(workspace)
    assert [registry.verify(workspace, name).damages for name in names] == [(), (), ()]
    assert registry.rollback(workspace, "mnist", "worse").champion_after == "mnist-v2"
    with pytest.raises(InputError, match="mnist-v2 is the first whose files are left"):
        registry.rollback(workspace, "mnist", "worse")
    for name in ("mnist-v1", "mnist-v4"):
        with pytest.raises(InputError, match=rf"{name} were removed on \d{{4}}"):
            registry.resolve(workspace, name)
        with pytest.raises(InputError, match=rf"{name} were removed on \d{{4}}"):
            registry.verify(workspace, name)
    assert register(root, "run-8").name == "mnist-v8"
    assert register(root, "run-4").name == "mnist-v9"  # the model of a pruned version once more


def test_pin_of_a_person_protects_a_version_and_that_of_a_promotion_does_not(workspace, versions):
    pins.pin(workspace, "run-5", "in the paper")
    assert pins.is_pinned(workspace, "run-1")
    planned = prune.prune(workspace, keep=0)
    assert [one.version for one in planned.versions] == ["mnist-v1", "mnist-v4", "mnist-v6"]
    assert pins.pinned_ids(workspace) == {"run-2", "run-3", "run-5"}


def test_clean_up_that_was_killed_is_completed_by_the_next(workspace, versions, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(prune, "_remove", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prune.prune(workspace, keep=0)
    assert "model.keras" in left(workspace)[4]
    assert prune.prune(workspace, keep=0).versions == ()
    assert left(workspace)[4] == ["version.json"]


def test_pin_of_a_promotion_goes_though_the_clean_up_was_killed(workspace, versions, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(pins, "unpin", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prune.prune(workspace, keep=0)
    prune.prune(workspace, keep=0)
    assert pins.pinned_ids(workspace) == {"run-2", "run-3"}


def test_pin_of_a_promotion_stays_while_the_run_has_another_version(root, workspace):
    promote(root, "run-1")
    (workspace.path("models/mnist/versions/1") / "model.keras").write_bytes(b"damaged")
    for run_id in ("run-1", "run-2", "run-3"):  # once more, as mnist-v2
        promote(root, run_id)
    assert [one.version for one in prune.prune(workspace, keep=1).versions] == ["mnist-v1"]
    assert pins.is_pinned(workspace, "run-1")
    assert [one.version for one in prune.prune(workspace, keep=0).versions] == ["mnist-v2"]
    assert pins.pinned_ids(workspace) == {"run-2", "run-3"}


def test_unknown_data_set_gets_no_folder_and_a_name_that_is_none_is_refused(workspace, versions):
    assert prune.prune(workspace, dataset="minst").kept == ()
    assert not workspace.path("models/minst").exists()
    with pytest.raises(InputError, match="is not a data set name"):
        prune.prune(workspace, dataset="../mnist")


def test_damaged_log_keeps_its_versions(workspace, versions):
    (workspace.path("models/mnist/audit") / "000002.json").write_bytes(b"{}")
    found = prune.prune(workspace, keep=0)
    assert [one.dataset for one in found.skipped] == ["mnist"]
    assert found.versions == ()
    assert "model.keras" in left(workspace)[4]


def test_versions_in_an_object_store_are_removed_there(tmp_path):
    a, b = two(tmp_path, f"memory://{tmp_path.name}")
    for number in (1, 2, 3):
        refuse(a, registry.register(a, publish(a, f"run-{number}")))
    assert [one.version for one in prune.prune(b, keep=1).versions] == ["mnist-v1", "mnist-v2"]
    stored = [one.key for one in b.store.list("models/mnist/versions/1/")]
    assert stored == ["models/mnist/versions/1/version.json"]
    assert prune.plan(a, keep=1).versions == ()
    assert registry.verify(a, "mnist-v3").damages == ()


def test_command_shows_the_plan_and_frees_space(workspace, versions):
    line = f"models prune --keep 1 --artifacts {workspace.root}"
    done = sightline(line, "--dry-run").stdout
    assert "Would free" in done
    assert "1 (previous champion)" in done
    assert [one["version"] for one in json.loads(sightline(line, "--json").stdout)["versions"]] == [
        "mnist-v1",
        "mnist-v4",
        "mnist-v5",
    ]
    assert "Nothing to remove" in sightline(line).stdout
    assert "pruned" in sightline(f"models history --artifacts {workspace.root}").stdout
