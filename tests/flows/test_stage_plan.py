import importlib.metadata

import numpy as np
import pytest

from sightline.config import loading
from sightline.data import locate
from sightline.data.ingest import ingest
from sightline.experiments import run_folder
from sightline.flows.stage_plan import plan_stages
from sightline.pipeline import cache, provenance
from sightline.records import Run
from sightline.reporting.report import REPORT
from sightline.storage.workspace import Workspace
from sightline.training.train import TRAIN
from tiny_run import tiny

AFTER_TRAIN = {"evaluate": None, "report": None}


@pytest.fixture
def plan(root, data):
    def plan(*changes, **run):
        config = tiny(data, *changes)
        planned = Run(id="next", workspace=Workspace(root), **run)
        return plan_stages(config, planned, locate.locate(config.data))

    return plan


def cached(plan):
    return {stage.name: stage.cached for stage in plan.stages}


def changes(plan):
    return {stage.name: stage.changes for stage in plan.stages if stage.changes}


def test_stages_of_an_equal_run_are_cached_without_a_reason(plan):
    found = plan()
    assert found.cached
    assert list(cached(found)) == ["ingest", "preprocess", "build", "train", "evaluate", "report"]
    assert (found.reasons, found.last_run) == ("", None)
    refreshed = plan(refresh=True)
    assert (refreshed.cached, refreshed.reasons) == (False, "")


def test_changed_setting_is_named_with_the_last_run_and_later_stages_are_unknown(plan):
    found = plan("training.epochs=3")
    every = {"ingest": True, "preprocess": True, "build": True, "train": False}
    assert cached(found) == every | AFTER_TRAIN
    assert found.reasons == "Changed since run first: train (training.epochs 2 -> 3)."


def test_export_is_planned_with_the_gate(plan):
    assert cached(plan('promotion.gate="report"'))["export"] is False


def test_changed_library_is_named_for_each_stage_that_uses_it(plan, monkeypatch):
    real = importlib.metadata.version
    changed = {"scikit-learn": "99", "torch": "99"}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: changed.get(name) or real(name))
    before = real("scikit-learn")
    found = plan()
    assert changes(found) == {"evaluate": (f"scikit-learn {before} -> 99",)}
    assert cached(found)["train"]


def test_changed_module_is_named(plan, monkeypatch):
    real, real_digest = provenance.module_digests, provenance.code_digest
    changed = "sightline.training.fit"

    def module_digests(module):
        digests = real(module)
        return {name: "new" if name == changed else digest for name, digest in digests.items()}

    monkeypatch.setattr(provenance, "module_digests", module_digests)
    monkeypatch.setattr(
        provenance,
        "code_digest",
        lambda module: "new" if changed in real(module) else real_digest(module),
    )
    assert changes(plan())["train"] == ("code of training.fit",)


def test_first_run_of_a_data_set_has_no_reason(data, tmp_path):
    config = tiny(data)
    empty = Run(id="next", workspace=Workspace(tmp_path))
    found = plan_stages(config, empty, locate.locate(config.data))
    assert (found.cached, found.reasons) == (False, "")


def test_phases_of_a_fine_tuning_are_looked_up_with_the_inputs_that_the_flow_gives_them(
    root, data, monkeypatch
):
    workspace = Workspace(root)
    records = run_folder.read(workspace, "first").records
    looked_up = []

    def peek(run, stage, key):
        looked_up.append(key)
        return getattr(records, stage.name)

    monkeypatch.setattr(cache, "peek", peek)
    config = loading.load("photos", overrides=["training.frozen.epochs=1"], dataset=str(data))
    plan_stages(config, Run(id="next", workspace=workspace), locate.locate(config.data))
    head = records.build.model_copy(update={"phase": "frozen"})
    tuned = {"pretrained": records.train.model, "phase": "finetune"}
    tuned = records.build.model_copy(update=tuned)
    outputs = (records.ingest, records.build, records.train, records.evaluate)
    assert looked_up[3:5] + looked_up[-1:] == [
        TRAIN.key(records.preprocess, head, config.training.frozen_phase()),
        TRAIN.key(records.preprocess, tuned, config.training),
        REPORT.key(*outputs, config.report),
    ]


def test_predictions_of_a_split_without_labels_are_planned_once_it_is_known(root, data, tmp_path):
    with np.load(data) as arrays:
        np.savez(tmp_path / "x.npz", **{n: arrays[n] for n in arrays.files if n != "y_test"})
    config, run = tiny(tmp_path / "x.npz"), Run(id="next", workspace=Workspace(root))
    source = locate.locate(config.data)
    assert "predict" not in cached(plan_stages(config, run, source))
    ingest(run, source, config.data)
    assert cached(plan_stages(config, run, source))["predict"] is None
