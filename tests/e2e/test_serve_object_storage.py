"""`sightline serve` where the registry is on object storage."""

import pytest

import model_server
import photographs
import served_models
from processes import wait_for
from sightline.storage.workspace import Workspace


@pytest.mark.campaign
def test_champion_changes_on_object_storage(s3, tmp_path, monkeypatch):
    photo = photographs.write(tmp_path)[0]
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "here"))
    there = Workspace.open(f"{s3.new_bucket()}/team")
    for seed in (0, 1):
        exported = served_models.export(tmp_path, served_models.GRAY, seed)
        served_models.register(there, f"run-{seed}", exported)
    served_models.promote(there, "fruit-v1")
    environment = {**s3.environment, "SIGHTLINE_CACHE": str(tmp_path / "other")}
    with model_server.running(tmp_path, there, "--poll=0.5", **environment) as server:
        before = server.post(photo).json()
        served_models.promote(there, "fruit-v2")
        wait_for("fruit-v2", lambda: server.model() == "fruit-v2")
        after = server.post(photo).json()
    assert (before["model"], after["model"]) == ("fruit-v1", "fruit-v2")
    assert before["predictions"] != after["predictions"]
