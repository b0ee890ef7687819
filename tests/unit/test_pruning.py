import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from elsewhere import at_work_elsewhere

from sightline import caching, files, pins, pruning, publishing, runs
from sightline.caching import Draft
from sightline.errors import InputError, StorageError
from sightline.manifest import RunManifest
from sightline.records import FileRecord, ModelBlueprint, Run, Source
from sightline.stages import BUILD, INGEST

Tree = dict[str, tuple[int, int, bytes]]
Publish = Callable[..., None]


def tree(root: Path) -> Tree:
    """Everything that could change below a folder: kind, time, content or target."""
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        state = path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        found[path.relative_to(root).as_posix()] = (state.st_mode, state.st_mtime_ns, content)
    return found


def key(digit: str) -> str:
    return digit * 40


def entry(root: Path, digit: str) -> Path:
    return root / "cache" / "build" / key(digit)


def entries(root: Path) -> list[str]:
    """The first digits of the keys of the build stage that are there."""
    folder = root / "cache" / "build"
    return sorted(path.name[0] for path in folder.iterdir() if not path.name.startswith("."))


@pytest.fixture
def publish(artifacts: Path, manifest: RunManifest) -> Publish:
    """Publish a real run whose build stage made, or found, the entry of a key."""

    def make(name: str, digit: str = "0", recipe: str = "tutorial") -> None:
        run = Run(id=name, root=artifacts)

        def draw(draft: Draft) -> ModelBlueprint:
            copied = {}
            for field in ("architecture", "summary", "picture"):
                files.copy(artifacts / getattr(blueprint, field).path, draft.path(field))
                copied[field] = draft.record(field)
            return blueprint.model_copy(update=copied)

        blueprint = manifest.records.build
        built = caching.find_or_make(run, BUILD, key(digit), draw)
        config = manifest.config.model_copy(update={"recipe": recipe})
        source = Source(dataset="textures", kind="npz", path="p", sha256=manifest.source_sha256)
        records = manifest.records.model_copy(update={"build": built})
        publishing.publish(run, config, source, records, manifest.stages)

    return make


def test_newest_runs_stay_whatever_their_names(artifacts: Path, publish: Publish) -> None:
    for name in ("zeta", "beta", "alpha", "gamma"):
        publish(name)
    plan = pruning.prune(artifacts, keep=2)
    assert runs.run_ids(artifacts) == ["gamma", "alpha"]
    assert [old.run_id for old in plan.runs] == ["beta", "zeta"]
    assert {kept.run_id: kept.why for kept in plan.kept} == {
        "gamma": "among the newest",
        "alpha": "among the newest",
    }


def test_copied_folder_keeps_its_order_whatever_its_file_times(
    artifacts: Path, publish: Publish
) -> None:
    publish("old")
    publish("new")
    for second, name in enumerate(("new", "old")):
        os.utime(runs.folder(artifacts, name) / "manifest.json", (second, second))
    assert runs.run_ids(artifacts) == ["old", "new"]
    pruning.prune(artifacts, keep=1)
    assert runs.run_ids(artifacts) == ["new"]


def test_cache_entries_that_only_old_runs_needed_go(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("older-of-a-shared-entry", "2")
    publish("new", "2")
    pruning.prune(artifacts, keep=1)
    assert entries(artifacts) == ["2"]
    assert sorted(path.name for path in (artifacts / "cache" / "build").iterdir()) == [
        f".{key('2')}.lock",
        key("2"),
    ]


def test_kept_run_is_found_in_the_cache_and_can_be_published_again(
    artifacts: Path, publish: Publish
) -> None:
    publish("old", "1")
    publish("new", "2")
    pruning.prune(artifacts, keep=1)
    run, records = Run(id="x", root=artifacts), runs.read(artifacts, "new").records
    for stage, record in ((BUILD, records.build.picture), (INGEST, records.ingest.labels)):
        assert caching.find(run, stage, Path(record.path).parent.name) is not None
    publish("again", "2")
    assert runs.run_ids(artifacts) == ["again", "new"]


def test_pinned_runs_stay_with_what_they_need_and_do_not_count(
    artifacts: Path, publish: Publish
) -> None:
    for digit in "12345":
        publish(f"run-{digit}", digit)
    pins.pin(artifacts, "run-2", "promoted")
    pins.pin(artifacts, "run-4")
    pruning.prune(artifacts, keep=2)
    assert runs.run_ids(artifacts) == ["run-5", "run-4", "run-3", "run-2"]
    assert entries(artifacts) == ["2", "3", "4", "5"]
    assert pins.pinned_ids(artifacts) == {"run-2", "run-4"}


def test_unpinned_run_goes(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    pins.pin(artifacts, "old")
    assert pruning.prune(artifacts, keep=1).runs == ()
    pins.unpin(artifacts, "old")
    assert [old.run_id for old in pruning.prune(artifacts, keep=1).runs] == ["old"]


def test_newest_run_of_every_data_set_and_recipe_stays(artifacts: Path, publish: Publish) -> None:
    publish("nightly-1", "1", recipe="nightly")
    publish("nightly-2", "2", recipe="nightly")
    publish("weekly-1", "3", recipe="weekly")
    publish("tutorial-1", "4")
    publish("tutorial-2", "5")
    plan = pruning.prune(artifacts, keep=1)
    assert runs.run_ids(artifacts) == ["tutorial-2", "weekly-1", "nightly-2"]
    assert entries(artifacts) == ["2", "3", "5"]
    assert plan.kept[1].why == "the newest of its data set and recipe"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def write_as_another_version_would(path: Path) -> None:
    path.write_text(path.read_text().replace('"run_id"', '"future": 1, "run_id"', 1))


@pytest.mark.parametrize("damage", [truncate, write_as_another_version_would, Path.unlink])
def test_unreadable_run_stays_and_then_the_whole_cache_does(
    artifacts: Path, publish: Publish, damage: Callable[[Path], None]
) -> None:
    publish("unreadable", "1")
    publish("old", "2")
    publish("new", "3")
    damage(runs.folder(artifacts, "unreadable") / "manifest.json")
    plan = pruning.prune(artifacts, keep=1)
    assert sorted(path.name for path in (artifacts / "runs").iterdir()) == ["new", "unreadable"]
    assert entries(artifacts) == ["1", "2", "3"]
    assert plan.entries == ()
    assert not plan.cache_is_judged
    assert [left.path for left in plan.left_alone] == ["runs/unreadable"]
    assert "manifest.json cannot be read" in plan.left_alone[0].why


def test_renamed_run_is_left_alone_with_what_it_needs(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    runs.folder(artifacts, "old").rename(artifacts / "runs" / "my best run")
    plan = pruning.prune(artifacts, keep=1)
    assert (artifacts / "runs" / "my best run" / "report.html").exists()
    assert entries(artifacts) == ["1", "2"]
    assert [left.why for left in plan.left_alone] == ["its name is no run id"]


@pytest.mark.parametrize("place", ["runs/old", "runs", f"cache/build/{key('1')}", "cache/build"])
def test_symbolic_link_and_what_lies_behind_it_are_left_alone(
    artifacts: Path, tmp_path: Path, publish: Publish, place: str
) -> None:
    publish("old", "1")
    publish("new", "2")
    link, target = artifacts / place, tmp_path / "elsewhere"
    link.rename(target)
    link.symlink_to(target)
    before = tree(target)
    plan = pruning.prune(artifacts, keep=1)
    assert link.is_symlink()
    assert tree(target) == before
    linked_runs = {"runs/old", "runs/new"} if place == "runs" else {place}
    assert {left.path for left in plan.left_alone} == linked_runs
    assert entry(artifacts, "2").exists()
    assert entry(artifacts, "1").exists()


def test_linked_cache_is_left_alone(artifacts: Path, tmp_path: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    (artifacts / "cache").rename(tmp_path / "elsewhere")
    (artifacts / "cache").symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path / "elsewhere")
    plan = pruning.prune(artifacts, keep=1)
    assert runs.run_ids(artifacts) == ["new"]
    assert tree(tmp_path / "elsewhere") == before
    assert [left.path for left in plan.left_alone] == ["cache"]


def test_link_to_a_missing_run_keeps_the_whole_cache(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    (artifacts / "runs" / "unmounted").symlink_to("/nonexistent/run")
    assert not pruning.prune(artifacts, keep=1).cache_is_judged
    assert entries(artifacts) == ["1", "2"]


def test_what_is_no_run_and_no_entry_is_left_alone(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    unknown = ["cache/notes.txt", f"cache/other/{key('3')}/x", "cache/build/v2/x"]
    hidden = ["runs/.notebook/x", "cache/.notebook/x", "cache/build/.hidden/x", "runs/notes.txt"]
    others = ["datasets/mnist/x", "checkpoints/x/y", "watch/x.json", "cache/.other.0123abcd.tmp/x"]
    for name in (*unknown, *hidden, *others):
        (artifacts / name).parent.mkdir(parents=True, exist_ok=True)
        (artifacts / name).touch()
    plan = pruning.prune(artifacts, keep=1)
    assert all((artifacts / name).exists() for name in (*unknown, *hidden, *others))
    assert [left.path for left in plan.left_alone] == [
        "cache/build/v2",
        "cache/notes.txt",
        "cache/other",
    ]
    assert entries(artifacts) == ["2", "v"]


def test_clean_up_waits_for_no_run_and_is_free_when_the_run_is_killed(
    artifacts: Path, publish: Publish
) -> None:
    publish("old", "1")
    publish("new", "2")
    with at_work_elsewhere(artifacts) as process:
        before = tree(artifacts)
        with pytest.raises(InputError, match=r"A run is at work in .*; prune when it has ended"):
            pruning.prune(artifacts, keep=1)
        assert tree(artifacts) == before
        process.send_signal(signal.SIGKILL)
        process.wait()
        pruning.prune(artifacts, keep=1)
    assert runs.run_ids(artifacts) == ["new"]


def test_plan_changes_nothing_and_says_what_is_removed_then(
    artifacts: Path, publish: Publish
) -> None:
    publish("old", "1")
    publish("new", "2")
    before, size = tree(artifacts), files.size(artifacts)
    planned = pruning.plan(artifacts, keep=1)
    assert tree(artifacts) == before
    assert pruning.prune(artifacts, keep=1) == planned
    assert size - files.size(artifacts) == planned.bytes > 0
    again = pruning.prune(artifacts, keep=1)
    assert (again.runs, again.entries, again.leftovers, again.bytes) == ((), (), (), 0)


def test_leftovers_of_killed_processes_go(artifacts: Path, publish: Publish) -> None:
    publish("new", "2")
    places = ["runs/.new.0123abcd.tmp", "runs/.old.0123abcd.aside", "pins/.new.json.0123abcd.tmp"]
    places += [f"cache/build/.{key('1')}.0123abcd.tmp", f"cache/build/.{key('2')}.0123abcd.aside"]
    for place in places:
        (artifacts / place).parent.mkdir(exist_ok=True)
        if place.startswith("pins"):
            (artifacts / place).write_bytes(b"1234")
        else:
            (artifacts / place).mkdir()
            (artifacts / place / "half").write_bytes(b"1234")
    (artifacts / "cache" / "build" / f".{key('1')}.lock").touch()
    plan = pruning.prune(artifacts, keep=1)
    assert {left.path: left.bytes for left in plan.leftovers} == dict.fromkeys(places, 4)
    assert not any((artifacts / place).exists() for place in places)
    assert not (artifacts / "cache" / "build" / f".{key('1')}.lock").exists()
    assert (artifacts / "cache" / "build" / f".{key('2')}.lock").exists()
    assert runs.run_ids(artifacts) == ["new"]


def interrupted_training(root: Path, digit: str, days_ago: float) -> Path:
    """Leave the checkpoints of a training behind, the last one written some days ago."""
    folder = root / "checkpoints" / key(digit)
    folder.mkdir(parents=True)
    written = time.time() - days_ago * 24 * 3600
    for steps in (1, 2):
        path = folder / f"checkpoint-{steps:09}-0123456789abcdef.npz"
        path.write_bytes(b"1234")
        os.utime(path, (written, written - steps))
    os.utime(folder, (written, written))
    return folder


def test_checkpoints_that_no_training_goes_on_from_are_removed(
    artifacts: Path, publish: Publish
) -> None:
    publish("new", "2")
    waiting = interrupted_training(artifacts, "3", days_ago=6.9)
    given_up = interrupted_training(artifacts, "4", days_ago=7.1)
    done = interrupted_training(artifacts, "5", days_ago=0)
    (artifacts / "cache" / "train" / key("5")).mkdir(parents=True)
    half = waiting.with_name(f".{key('6')}.0123abcd.aside")
    half.mkdir()
    plan = pruning.prune(artifacts, keep=1)
    folder = artifacts / "checkpoints"
    assert [path.name for path in folder.iterdir()] == [key("3")]
    assert {left.path: left.bytes for left in plan.leftovers} == {
        f"checkpoints/{path.name}": size for path, size in ((given_up, 8), (done, 8), (half, 0))
    }
    assert [(left.path, left.why) for left in plan.left_alone] == [
        (
            f"checkpoints/{key('3')}",
            "an interrupted training may go on from it; it goes 7 days after its last write",
        )
    ]


def test_linked_checkpoints_are_left_alone(
    artifacts: Path, tmp_path: Path, publish: Publish
) -> None:
    publish("new", "2")
    folder = interrupted_training(artifacts, "3", days_ago=100)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path / "elsewhere")
    plan = pruning.prune(artifacts, keep=1)
    assert [left.path for left in plan.left_alone] == [f"checkpoints/{key('3')}"]
    assert tree(tmp_path / "elsewhere") == before


def test_leftovers_of_downloads_and_looks_go_and_what_is_whole_stays(
    artifacts: Path, publish: Publish
) -> None:
    publish("new", "2")
    half = ["datasets/mnist/.t10k.gz.0123abcd.tmp", "watch/.look.json.0123abcd.tmp"]
    whole = ["datasets/mnist/t10k.gz", "watch/look.json"]
    for name in (*half, *whole):
        (artifacts / name).parent.mkdir(parents=True, exist_ok=True)
        (artifacts / name).touch()
    (artifacts / "runs" / ".killed.lock").touch()
    pruning.prune(artifacts, keep=1)
    assert [(artifacts / name).exists() for name in (*half, *whole)] == [False, False, True, True]
    assert [path.name for path in (artifacts / "runs").iterdir()] == ["new"]


KILLED_PRUNE = """
import os, pathlib, shutil, signal, sys
from sightline import pruning
done, really = 0, os.unlink
def unlink(*arguments, **options):
    global done
    done += 1
    if done > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    really(*arguments, **options)
os.unlink = unlink
pruning.prune(pathlib.Path(sys.argv[1]), keep=1)
"""


@pytest.mark.parametrize("removed_files", [0, 3, 20])
def test_killed_clean_up_leaves_nothing_half_removed_in_sight(
    artifacts: Path, publish: Publish, removed_files: int
) -> None:
    for digit in "123":
        publish(f"run-{digit}", digit)
    whole = {name: content for name, (_, _, content) in tree(artifacts).items()}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_PRUNE, str(artifacts), str(removed_files)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    left = {name: content for name, (_, _, content) in tree(artifacts).items()}
    assert 0 < len(list(files.leftovers(artifacts / "runs"))) <= 2
    for run_id in runs.run_ids(artifacts):
        folder = f"runs/{run_id}/"
        assert {name for name in whole if name.startswith(folder)} <= left.keys()
    pruning.prune(artifacts, keep=1)
    assert [path.name for path in (artifacts / "runs").iterdir()] == ["run-3"]
    assert entries(artifacts) == ["3"]


def test_what_cannot_be_removed_completely_is_reported(
    artifacts: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("old")
    publish("new")
    monkeypatch.setattr(files.shutil, "rmtree", lambda path, ignore_errors: None)
    with pytest.raises(StorageError, match=r"\.old\..*\.aside cannot be removed completely"):
        pruning.prune(artifacts, keep=1)
    assert runs.run_ids(artifacts) == ["new"]


def test_pins_that_cannot_be_read_stop_the_clean_up(artifacts: Path, publish: Publish) -> None:
    publish("old")
    publish("new")
    (artifacts / "pins").touch()
    with pytest.raises(StorageError, match="pins"):
        pruning.prune(artifacts, keep=1)
    assert runs.run_ids(artifacts) == ["new", "old"]


@pytest.mark.parametrize("prune", [pruning.plan, pruning.prune])
def test_mistakes_are_refused_before_anything_is_made(
    tmp_path: Path, prune: Callable[[Path, int], object]
) -> None:
    with pytest.raises(InputError, match=r"no artifacts folder .*nowhere"):
        prune(tmp_path / "nowhere", 1)
    with pytest.raises(InputError, match="expected 1 or more, got 0"):
        prune(tmp_path, 0)
    assert list(tmp_path.iterdir()) == []


def test_empty_artifacts_folder_has_nothing_to_remove(tmp_path: Path) -> None:
    plan = pruning.prune(tmp_path)
    assert (plan.runs, plan.entries, plan.leftovers, plan.kept) == ((), (), (), ())
    assert plan.cache_is_judged


def publish_at_random(
    root: Path, manifest: RunManifest, chance: random.Random
) -> dict[str, set[str]]:
    """Write manifests of eight runs that refer to three of ten entries each; return these."""
    needs: dict[str, set[str]] = {}
    for digit in "0123456789":
        entry(root, digit).mkdir(parents=True)
    for number in range(8):
        picked = chance.sample("0123456789", 3)
        built = {
            name: FileRecord(path=f"cache/build/{key(digit)}/x", sha256="0" * 64, bytes=1)
            for name, digit in zip(("architecture", "summary", "picture"), picked, strict=True)
        }
        records = manifest.records.model_copy(
            update={"build": manifest.records.build.model_copy(update=built)}
        )
        config = manifest.config.model_copy(update={"recipe": chance.choice("ab")})
        path = runs.folder(root, f"run-{number}") / "manifest.json"
        path.parent.mkdir(parents=True)
        created = manifest.created + timedelta(seconds=number)
        changed = {"records": records, "config": config, "created": created}
        path.write_text(manifest.model_copy(update=changed).model_dump_json())
        needs[path.parent.name] = set(picked)
    return needs


def test_every_run_that_stays_keeps_what_it_needs_and_nothing_else_stays(
    tmp_path: Path, manifest: RunManifest
) -> None:
    for seed in range(30):
        root, chance = tmp_path / str(seed), random.Random(seed)  # noqa: S311 - no secret
        needs = publish_at_random(root, manifest, chance)
        pinned = set(chance.sample(sorted(needs), 2))
        for name in pinned:
            pins.pin(root, name)
        keep = chance.randint(1, 4)
        pruning.prune(root, keep)
        left = set(runs.run_ids(root))
        newest = [name for name in sorted(needs, reverse=True) if name not in pinned][:keep]
        assert left >= pinned | set(newest)
        assert len(left) <= len(pinned) + keep + 2
        assert set(entries(root)) == set().union(*(needs[name] for name in left))
