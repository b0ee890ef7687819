"""One round: the champion serves, images drift, scoring notices, a better model takes over."""

import json

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

import model_server
from command import ROOT
from examples import pictures
from growing import OVERRIDES, dark, write
from processes import wait_for
from sightline.prediction.scoring.place import LATEST
from sightline.records import ScoringStatus
from sightline.storage.workspace import Workspace


@pytest.fixture
def round_data(tmp_path):
    """Light images to train on, and a test split that has dark ones too."""
    data = tmp_path / "round"
    write(data / "train", *pictures(200, 1))
    write(data / "test", *pictures(60, 2))
    write(data / "test", *dark(60, 3), "dark")
    return data


@pytest.mark.campaign
def test_drift_of_scored_images_leads_to_a_better_champion_that_is_served(
    workers, round_data, browser, tmp_path
):
    form = {"recipe": "quickstart", "epochs": 5, "batch_size": 8, "gate": "enforce"}
    asked = {**form, "deployment": "", "overrides": [*OVERRIDES]}
    workers.complete("train/train-manual", dataset=str(round_data), **asked)
    with model_server.running(tmp_path, Workspace(workers.artifacts), "--dataset=round") as server:
        assert server.model() == "round-v1"
        inbox, labels = tmp_path / "inbox", dark(100, 5)[1]
        arrived = write(inbox, dark(100, 5)[0])
        truth = [f"texture {label}" for label in labels]
        assert right(server, arrived, truth) < 0.6

        write(round_data / "train", *dark(160, 4), "dark")  # somebody has labelled some
        nightly = {"data": str(inbox), "dataset": "round"}
        scored = workers.complete("score/score-nightly", **nightly)
        wait_for("its log", lambda: "drift since" in workers.log(scored["id"]))
        artifacts = workers.artifacts_of(scored["id"], "inbox")
        shown = {row["measure"]: row["drift"] for row in json.loads(artifacts["drift"]["data"])}
        assert shown["features"]
        assert "_monitoring.html" in artifacts["monitoring"]["data"]
        again = workers.complete("score/score-nightly", **nightly)
        wait_for("its log", lambda: "0 new images" in workers.log(again["id"]))

        def retrainings():
            found = workers.runs_of("train/train-on-data")
            return [run for run in found if run["parameters"]["dataset"] == str(round_data)]

        (training,) = wait_for("the event starts a training", retrainings)
        assert workers.finish(training["id"])["state"]["name"] == "Completed", workers.tail()
        wait_for("the better model is served", lambda: server.model() == "round-v2")
        assert right(server, arrived, truth) > 0.9
    assert len(retrainings()) == 1, "one event a drift"
    wanted = {"filter": {"event": {"name": ["sightline.drift.detected"]}}}
    (event,) = workers.post("/events/filter", wanted)["events"]
    for name, run in (("scoring", scored), ("retraining", training)):
        keep(browser, f"{workers.ui}/runs/flow-run/{run['id']}", f"round-{name}", "Artifacts")
    url = f"{workers.ui}/events/event/{event['occurred'][:10]}/{event['id']}"
    keep(browser, url, "round-event", "sightline.drift.detected")
    folder = workers.artifacts / "scores" / "inbox"
    assert np.mean(pd.read_parquet(folder).sort_values("file").predicted == truth) < 0.6
    assert ScoringStatus.model_validate_json((folder / LATEST).read_bytes()).drift
    done = workers.sightline("models", "history", "--dataset=round", "--json")
    story = [(event["action"], event["version"]) for event in json.loads(done.stdout)]
    expected = [(action, f"round-v{n}") for n in (1, 2) for action in ("register", "promote")]
    assert story == expected


def right(server, paths, truth):
    """Return the share of the first images that the server classifies as they are labelled."""
    answers = server.post(*paths[:30]).json()["predictions"]
    return np.mean([one["label"] == label for one, label in zip(answers, truth, strict=False)])


def keep(browser, url, name, *texts):
    """Take a screenshot of a page of the Prefect UI once it shows some texts."""
    with browser.new_page(viewport={"width": 1280, "height": 1200}) as page:
        page.goto(url)
        for text in texts:
            expect(page.get_by_text(text).first).to_be_visible(timeout=60_000)
        page.wait_for_timeout(1000)  # pages fade in
        page.screenshot(path=ROOT / "build" / "screenshots" / f"{name}.png", full_page=True)
