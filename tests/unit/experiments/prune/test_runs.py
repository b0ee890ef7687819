import os
import random

import pytest

from prunable import entries, prune, publish
from runs_to_promote import decide
from sightline import registry
from sightline.experiments import pins, run_folder
from sightline.storage import files


def test_newest_runs_stay_whatever_their_names_and_file_times(workspace):
    names = ("zeta", "beta", "alpha", "gamma")
    for second, name in enumerate(names):
        publish(workspace, name)
        os.utime(run_folder.folder(workspace, name) / "manifest.json", (-second, -second))
    assert run_folder.run_ids(workspace) == list(names)
    plan = prune(workspace, 2)
    assert [run.run_id for run in plan.runs] == ["beta", "zeta"]
    assert [run.run_id for run in plan.kept] == ["gamma", "alpha"]
    assert {run.reason for run in plan.kept} == {"among the newest"}


def test_run_of_a_candidate_stays_until_it_is_decided(workspace):
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
    assert [run.run_id for run in prune(workspace, 1).runs] == ["run-2"]


def test_damaged_model_log_keeps_every_run_that_may_be_the_candidate(workspace):
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
    assert [run.run_id for run in prune(workspace, 1).runs] == ["run-2", "run-1"]


def test_renamed_run_is_skipped_and_keeps_its_cache(workspace):
    publish(workspace, "old", "1")
    publish(workspace, "new", "2")
    renamed = run_folder.folder(workspace, "old").rename(workspace.path("runs/my best run"))
    assert [left.path for left in prune(workspace, 1).skipped] == ["runs/my best run"]
    assert (renamed / "model.keras").exists()
    assert entries(workspace) == ["1", "2"]


@pytest.mark.parametrize("seed", range(15))
def test_exactly_the_kept_runs_and_their_cache_stay(workspace, seed):
    rng = random.Random(seed)  # noqa: S311
    names = [f"run-{number}" for number in range(8)]
    recipes = {name: rng.choice("abc") for name in names}
    digits = {name: rng.choice("012345") for name in names}
    for name in names:
        publish(workspace, name, digits[name], recipes[name])
    pinned = set(rng.sample(names, 2))
    for name in pinned:
        pins.pin(workspace, name)
    keep = rng.randint(1, 4)
    plan = prune(workspace, keep)
    newest = set([name for name in names if name not in pinned][-keep:])
    newest_of_recipe = {recipe: name for name, recipe in recipes.items()}.values()
    kept = pinned | newest | set(newest_of_recipe)
    assert set(run_folder.run_ids(workspace)) == kept
    assert set(entries(workspace)) == {digits[name] for name in kept}
    reasons = {run.run_id: run.reason for run in plan.kept}
    others = dict.fromkeys(kept, "the newest of its data set and recipe")
    expected = others | dict.fromkeys(newest, "among the newest") | dict.fromkeys(pinned, "pinned")
    assert reasons == expected
