import itertools
import json
import os
import shutil

import pytest

from file_damage import changed_bytes
from runs_to_promote import decide, promote, register
from sightline import registry
from sightline.errors import InputError
from sightline.registry import audit_log
from sightline.storage import digests, files, json_digest
from sightline.storage.workspace import Workspace


@pytest.fixture
def log(root):
    """Five events: registered, promoted, registered, refused, registered."""
    promote(root, "run-1")
    second = register(root, "run-2")
    registry.refuse(Workspace(root), second, decide("run-2", "mnist-v1", promote=False))
    register(root, "run-3")
    return root / "models/mnist/audit"


def event(log, number):
    return log / f"{number:06d}.json"


def test_events_are_numbered_and_chained(workspace, log):
    events = registry.history(workspace, "mnist")
    assert [found.number for found in events] == [1, 2, 3, 4, 5]
    assert events[0].previous_sha256 is None
    for before, after in itertools.pairwise(events):
        assert after.previous_sha256 == digests.sha256(event(log, before.number))
    assert sorted(path.name for path in log.iterdir()) == [f"{n:06d}.json" for n in range(1, 6)]
    register(workspace.root, "run-9", "alphabet")
    events = registry.history(workspace)  # of all data sets, by time
    assert [found.dataset for found in events] == ["mnist"] * 5 + ["alphabet"]
    assert sorted(events, key=lambda found: found.created) == events


def rewrite(path, source=None, **changes):
    """Change an event, with a valid digest."""
    content = json.loads(json_digest.verify((source or path).read_bytes()))
    path.write_bytes(json_digest.dumps({**content, **changes}))


DAMAGES = {
    "first removed": lambda log: event(log, 1).unlink(),
    "middle removed": lambda log: event(log, 3).unlink(),
    "last removed": lambda log: event(log, 5).unlink(),
    "all removed": files.remove,
    "swapped": lambda log: (
        event(log, 2).rename(log / "x"),
        event(log, 3).rename(event(log, 2)),
        (log / "x").rename(event(log, 3)),
    ),
    "copied to the end": lambda log: shutil.copyfile(event(log, 5), event(log, 6)),
    "far number": lambda log: shutil.copyfile(event(log, 5), log / "999999999.json"),
    "reason changed": lambda log: rewrite(event(log, 3), reason="another"),
    "last one changed": lambda log: rewrite(event(log, 5), who="mallory"),
    "champion changed": lambda log: rewrite(event(log, 3), champion_after="mnist-v2"),
    "of another data set": lambda log: rewrite(event(log, 1), dataset="zoo"),
    "unknown action": lambda log: rewrite(event(log, 3), action="destroy"),
    "unknown key": lambda log: rewrite(event(log, 3), colour="red"),
    "empty": lambda log: event(log, 3).write_bytes(b""),
    "truncated": lambda log: os.truncate(event(log, 3), 100),
    "huge": lambda log: os.truncate(event(log, 3), 1 << 40),
    "deep": lambda log: event(log, 3).write_bytes(json_digest.dumps({"a": 1}) + b"[" * 100_000),
    "folder": lambda log: (event(log, 3).unlink(), event(log, 3).mkdir()),
    "pipe": lambda log: (event(log, 3).unlink(), os.mkfifo(event(log, 3))),
    "link": lambda log: event(log, 3).symlink_to(event(log, 3).rename(log.parent / "x")),
    "last_event.json damaged": lambda log: (log.parent / "last_event.json").write_bytes(b"{"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_log_is_refused_with_its_file(workspace, log, damage):
    version = registry.resolve(workspace, "candidate")
    DAMAGES[damage](log)
    for use in (
        lambda: registry.aliases(workspace, "mnist"),
        lambda: registry.resolve(workspace, "mnist-v1"),
        lambda: registry.versions(workspace),
        lambda: register(workspace.root, "run-4"),
        lambda: registry.promote(workspace, version, "why", None, "mnist-v1", forced=True),
        lambda: registry.rollback(workspace, "mnist", "why"),
    ):
        with pytest.raises(InputError, match=r"models/mnist/(audit/\d+|last_event)\.json"):
            use()
    assert registry.verify(workspace, "mnist-v1").damages != ()


def test_forged_event_with_valid_digests_must_be_possible(workspace, log):
    forged = {"number": 6, "previous_sha256": digests.sha256(event(log, 5)), "action": "promote"}
    rewrite(event(log, 6), event(log, 5), **forged, version="mnist-v9", champion_after="mnist-v9")
    with pytest.raises(InputError, match=r"000006\.json: .*mnist-v9"):
        registry.aliases(workspace, "mnist")


def test_any_changed_byte_of_an_event_is_found(workspace, log):
    for number in (1, 3, 5):
        for _ in changed_bytes(event(log, number), 3, 1):
            with pytest.raises(InputError, match=f"audit/00000{number}"):
                audit_log.read(workspace, "mnist")
    assert len(audit_log.read(workspace, "mnist").events) == 5


def test_digest_of_the_last_event_may_be_missing(workspace, log):
    """A process that is killed between the two files leaves it one behind."""
    (log.parent / "last_event.json").unlink()
    assert len(registry.history(workspace)) == 5
    register(workspace.root, "run-4")
    event(log, 6).unlink()
    with pytest.raises(InputError, match=r"000006\.json: expected the last event"):
        registry.history(workspace)


def test_other_files_are_ignored_but_reported(workspace, log):
    names = ("7.json", "0000001.json", "000000.json", "000001.json.bak", "notes.txt")
    for name in names:
        (log / name).touch()
    (log / ".000006.json.0123abcd.tmp").touch()
    assert len(registry.history(workspace)) == 5
    found = {damage.path for damage in registry.verify(workspace, "mnist-v1").damages}
    assert found == {f"models/mnist/audit/{name}" for name in names}
