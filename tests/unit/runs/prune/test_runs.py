import os
import random
from datetime import timedelta
from pathlib import Path

from prunable import Publish, entries, entry, key, prune
from runs_to_promote import decide
from sightline import registry
from sightline.records import FileRecord
from sightline.records.manifest import RunManifest
from sightline.runs import pins, run_folder
from sightline.storage import files, json_digest
from sightline.storage.workspace import Workspace


def test_newest_runs_stay_whatever_their_names(artifacts: Path, publish: Publish) -> None:
    for name in ("zeta", "beta", "alpha", "gamma"):
        publish(name)
    plan = prune(artifacts, 2)
    assert run_folder.run_ids(Workspace(artifacts)) == ["gamma", "alpha"]
    assert [old.run_id for old in plan.runs] == ["beta", "zeta"]
    assert {kept.run_id: kept.reason for kept in plan.kept} == {
        "gamma": "among the newest",
        "alpha": "among the newest",
    }


def test_copied_folder_keeps_its_order_whatever_its_file_times(
    artifacts: Path, publish: Publish
) -> None:
    publish("old")
    publish("new")
    for second, name in enumerate(("new", "old")):
        os.utime(run_folder.folder(Workspace(artifacts), name) / "manifest.json", (second, second))
    assert run_folder.run_ids(Workspace(artifacts)) == ["old", "new"]
    prune(artifacts, 1)
    assert run_folder.run_ids(Workspace(artifacts)) == ["new"]


def test_pinned_runs_stay_with_what_they_need_and_do_not_count(
    artifacts: Path, publish: Publish
) -> None:
    for digit in "12345":
        publish(f"run-{digit}", digit)
    pins.pin(Workspace(artifacts), "run-2", "promoted")
    pins.pin(Workspace(artifacts), "run-4")
    prune(artifacts, 2)
    assert run_folder.run_ids(Workspace(artifacts)) == ["run-5", "run-4", "run-3", "run-2"]
    assert entries(artifacts) == ["2", "3", "4", "5"]
    assert pins.pinned_ids(Workspace(artifacts)) == {"run-2", "run-4"}


def test_run_of_a_candidate_stays_until_it_is_decided(artifacts: Path, publish: Publish) -> None:
    for digit in "123":
        publish(f"run-{digit}", digit)
    for name in ("run-1", "run-2"):
        registry.register(Workspace(artifacts), run_folder.read(Workspace(artifacts), name))
    plan = prune(artifacts, 1)
    assert [(kept.run_id, kept.reason) for kept in plan.kept] == [
        ("run-3", "among the newest"),
        ("run-2", "candidate"),
    ]
    assert entries(artifacts) == ["2", "3"]
    (_, version) = registry.versions(Workspace(artifacts))
    registry.refuse(Workspace(artifacts), version, decide("run-2", promote=False))
    assert [old.run_id for old in prune(artifacts, 1).runs] == ["run-2"]


def test_damaged_log_of_models_keeps_every_run_that_may_be_its_candidate(
    artifacts: Path, publish: Publish
) -> None:
    for digit in "123":
        publish(f"run-{digit}", digit)
    version = registry.register(
        Workspace(artifacts), run_folder.read(Workspace(artifacts), "run-1")
    )
    (artifacts / f"models/{version.dataset}/audit/000001.json").write_text("{}")
    (artifacts / "models/zoo/audit").mkdir(parents=True)
    (artifacts / "models/zoo/audit/000001.json").write_text("{}")
    plan = prune(artifacts, 1)
    assert [kept.reason for kept in plan.kept[1:]] == ["possibly the candidate"] * 2
    assert plan.runs == ()
    assert {left.path for left in plan.skipped} == {f"models/{version.dataset}", "models/zoo"}
    files.remove(artifacts / f"models/{version.dataset}")
    assert [old.run_id for old in prune(artifacts, 1).runs] == [
        "run-2",
        "run-1",
    ]


def test_unpinned_run_goes(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    pins.pin(Workspace(artifacts), "old")
    assert prune(artifacts, 1).runs == ()
    pins.unpin(Workspace(artifacts), "old")
    assert [old.run_id for old in prune(artifacts, 1).runs] == ["old"]


def test_newest_run_of_every_data_set_and_recipe_stays(artifacts: Path, publish: Publish) -> None:
    publish("nightly-1", "1", recipe="nightly")
    publish("nightly-2", "2", recipe="nightly")
    publish("weekly-1", "3", recipe="weekly")
    publish("tutorial-1", "4")
    publish("tutorial-2", "5")
    plan = prune(artifacts, 1)
    assert run_folder.run_ids(Workspace(artifacts)) == ["tutorial-2", "weekly-1", "nightly-2"]
    assert entries(artifacts) == ["2", "3", "5"]
    assert plan.kept[1].reason == "the newest of its data set and recipe"


def test_renamed_run_is_skipped_with_what_it_needs(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    run_folder.folder(Workspace(artifacts), "old").rename(artifacts / "runs" / "my best run")
    plan = prune(artifacts, 1)
    assert (artifacts / "runs" / "my best run" / "report.html").exists()
    assert entries(artifacts) == ["1", "2"]
    assert [left.reason for left in plan.skipped] == ["its name is not a run ID"]


def publish_at_random(root: Path, manifest: RunManifest, rng: random.Random) -> dict[str, set[str]]:
    """Write manifests of eight runs that refer to two of ten entries each; return these."""
    needs: dict[str, set[str]] = {}
    for digit in "0123456789":
        entry(root, digit).mkdir(parents=True)
    for number in range(8):
        picked = rng.sample("0123456789", 2)
        built = {
            name: FileRecord(path=f"cache/build/{key(digit)}/x", sha256="0" * 64, bytes=1)
            for name, digit in zip(("architecture", "summary"), picked, strict=True)
        }
        records = manifest.records.model_copy(
            update={"build": manifest.records.build.model_copy(update=built)}
        )
        config = manifest.config.model_copy(update={"recipe": rng.choice("ab")})
        path = run_folder.folder(Workspace(root), f"run-{number}") / "manifest.json"
        path.parent.mkdir(parents=True)
        created = manifest.created + timedelta(seconds=number)
        changed = {"records": records, "config": config, "created": created}
        content = manifest.model_copy(update=changed).model_dump(mode="json")
        path.write_bytes(json_digest.dumps(content))
        needs[path.parent.name] = set(picked)
    return needs


def test_every_run_that_stays_keeps_what_it_needs_and_nothing_else_stays(
    tmp_path: Path, manifest: RunManifest
) -> None:
    for seed in range(30):
        root, rng = tmp_path / str(seed), random.Random(seed)  # noqa: S311 - no secret
        needs = publish_at_random(root, manifest, rng)
        pinned = set(rng.sample(sorted(needs), 2))
        for name in pinned:
            pins.pin(Workspace(root), name)
        keep = rng.randint(1, 4)
        prune(root, keep)
        left = set(run_folder.run_ids(Workspace(root)))
        newest = [name for name in sorted(needs, reverse=True) if name not in pinned][:keep]
        assert left >= pinned | set(newest)
        assert len(left) <= len(pinned) + keep + 2
        assert set(entries(root)) == set().union(*(needs[name] for name in left))
