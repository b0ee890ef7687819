import os
import random

import pytest

from prunable import entries, prune, publish
from runs_to_promote import decide
from sightline import registry
from sightline.runs import pins, run_folder
from sightline.storage import files
from sightline.storage.workspace import Workspace


def removed(workspace: Workspace, keep: int = 1) -> list[str]:
    return [run.run_id for run in prune(workspace, keep).runs]


def test_newest_runs_stay_whatever_their_names_and_file_times(workspace: Workspace) -> None:
    names = ("zeta", "beta", "alpha", "gamma")
    for second, name in enumerate(names):
        publish(workspace, name)
        os.utime(run_folder.folder(workspace, name) / "manifest.json", (-second, -second))
    assert run_folder.run_ids(workspace) == list(names)
    plan = prune(workspace, 2)
    assert [run.run_id for run in plan.runs] == ["beta", "zeta"]
    assert [run.run_id for run in plan.kept] == ["gamma", "alpha"]
    assert {run.reason for run in plan.kept} == {"among the newest"}


def test_pinned_runs_stay_with_their_cache_and_do_not_count(workspace: Workspace) -> None:
    for digit in "12345":
        publish(workspace, f"run-{digit}", digit)
    pins.pin(workspace, "run-2", "promoted")
    pins.pin(workspace, "run-4")
    prune(workspace, 2)
    assert run_folder.run_ids(workspace) == ["run-5", "run-4", "run-3", "run-2"]
    assert entries(workspace) == ["2", "3", "4", "5"]
    pins.unpin(workspace, "run-2")
    assert removed(workspace, 2) == ["run-2"]


def test_run_of_a_candidate_stays_until_it_is_decided(workspace: Workspace) -> None:
    manifests = [publish(workspace, f"run-{digit}", digit) for digit in "123"]
    for manifest in manifests[:2]:
        registry.register(workspace, manifest)
    plan = prune(workspace, 1)
    assert [(kept.run_id, kept.reason) for kept in plan.kept] == [
        ("run-3", "among the newest"),
        ("run-2", "candidate"),
    ]
    assert entries(workspace) == ["2", "3"]
    (_, version) = registry.versions(workspace)
    registry.refuse(workspace, version, decide("run-2", promote=False))
    assert removed(workspace) == ["run-2"]


def test_damaged_model_log_keeps_every_run_that_may_be_the_candidate(workspace: Workspace) -> None:
    manifests = [publish(workspace, f"run-{digit}", digit) for digit in "123"]
    registry.register(workspace, manifests[0])
    for dataset in ("mnist", "zoo"):
        workspace.path(f"models/{dataset}/audit").mkdir(parents=True, exist_ok=True)
        workspace.path(f"models/{dataset}/audit/000001.json").write_text("{}")
    plan = prune(workspace, 1)
    assert [kept.reason for kept in plan.kept[1:]] == ["possibly the candidate"] * 2
    assert plan.runs == ()
    assert {left.path for left in plan.skipped} == {"models/mnist", "models/zoo"}
    files.remove(workspace.path("models/mnist"))
    assert removed(workspace) == ["run-2", "run-1"]


def test_newest_run_of_each_data_set_and_recipe_stays(workspace: Workspace) -> None:
    for number, recipe in enumerate(("nightly", "nightly", "weekly", "tutorial", "tutorial"), 1):
        publish(workspace, f"{recipe}-{number}", str(number), recipe=recipe)
    plan = prune(workspace, 1)
    assert run_folder.run_ids(workspace) == ["tutorial-5", "weekly-3", "nightly-2"]
    assert entries(workspace) == ["2", "3", "5"]
    assert plan.kept[1].reason == "the newest of its data set and recipe"


def test_renamed_run_is_skipped_and_keeps_its_cache(workspace: Workspace) -> None:
    publish(workspace, "old", "1")
    publish(workspace, "new", "2")
    renamed = run_folder.folder(workspace, "old").rename(workspace.path("runs/my best run"))
    assert [left.path for left in prune(workspace, 1).skipped] == ["runs/my best run"]
    assert (renamed / "model.keras").exists()
    assert entries(workspace) == ["1", "2"]


@pytest.mark.parametrize("seed", range(15))
def test_exactly_the_cache_of_kept_runs_stays(workspace: Workspace, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    needs = {f"run-{number}": rng.choice("012345") for number in range(8)}
    for name, digit in needs.items():
        publish(workspace, name, digit, recipe=rng.choice("ab"))
    pinned = set(rng.sample(sorted(needs), 2))
    for name in pinned:
        pins.pin(workspace, name)
    keep = rng.randint(1, 4)
    prune(workspace, keep)
    left = set(run_folder.run_ids(workspace))
    newest = [name for name in sorted(needs, reverse=True) if name not in pinned][:keep]
    assert left >= pinned | set(newest)
    assert len(left) <= len(pinned) + keep + 2
    assert set(entries(workspace)) == {needs[name] for name in left}
