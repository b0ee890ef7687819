from datetime import timedelta

import pytest

from excerpts import CONFIG, excerpt, measure_noise, with_recipe, with_training
from sightline.experiments import history

LONGER = with_training(CONFIG, epochs=9)


def nights(*accuracies, recipe="tutorial"):
    """One run per night, the oldest first."""
    config, first = with_recipe(CONFIG, recipe), excerpt().created
    dates = (first + timedelta(days=night) for night in range(len(accuracies)))
    return [
        excerpt(f"{recipe}-{night}", accuracy=accuracy, config=config, created=date)
        for night, (accuracy, date) in enumerate(zip(accuracies, dates, strict=True))
    ]


@pytest.fixture
def measured(workspace):
    """A workspace with the noise of the tutorial: two runs differ by up to 0.0039."""
    measure_noise(workspace, CONFIG, 0.990, 0.991, 0.992, 0.991, 0.990)
    return workspace


def test_runs_are_compared_with_the_previous_run_of_their_recipe(workspace):
    slow, fast = nights(0.990, 0.991), nights(0.95, 0.96, recipe="fast")
    entries = history.entries(workspace, [fast[1], slow[1], slow[0], fast[0]])
    names = [entry.run.run_id for entry in entries]
    assert names == ["fast-0", "tutorial-0", "fast-1", "tutorial-1"]
    assert [entry.change for entry in entries[:2]] == [None, None]
    assert [entry.change for entry in entries[2:]] == pytest.approx([0.01, 0.001])
    assert {entry.is_noise for entry in entries} == {None}


def test_small_change_is_noise_and_a_larger_one_is_not(measured):
    entries = history.entries(measured, nights(0.990, 0.992, 0.987))
    assert [entry.is_noise for entry in entries] == [None, True, False]
    assert all(entry.band for entry in entries)
    before, after = nights(0.990, 0.9995)
    changed = after.model_copy(update={"config": LONGER})
    _, entry = history.entries(measured, [before, changed])
    assert (entry.band, entry.is_noise) == (None, False), "by the band of the previous run"


@pytest.mark.parametrize("changed", [0, 1])
def test_wider_band_of_two_runs_counts(measured, changed):
    measure_noise(measured, LONGER, 0.95, 0.99, 0.97)
    pair = nights(0.950, 0.990)
    pair[changed] = pair[changed].model_copy(update={"config": LONGER})
    assert history.entries(measured, pair)[1].is_noise


def test_damaged_band_is_logged_once(measured, caplog):
    (path,) = measured.path("noise").iterdir()
    path.write_bytes(b"{}")
    entries = history.entries(measured, nights(0.990, 0.992, 0.987))
    assert [entry.band for entry in entries] == [None, None, None]
    assert len(caplog.records) == 1


def test_newest_runs_of_the_named_or_the_newest_data_set_are_collected():
    found = [excerpt(name, dataset=name[0]) for name in ("z2", "m2", "z1", "m1", "z0")]

    def collected(datasets):
        histories = history.collect(iter(found), datasets, 2)
        return {name: [run.run_id for run in runs] for name, runs in histories.items()}

    assert collected([]) == {"z": ["z2", "z1"]}
    assert collected(["m", "z", "gone"]) == {"m": ["m2", "m1"], "z": ["z2", "z1"]}
    assert collected(["gone"]) == {}
    assert history.collect([], [], 2) == {}
    new, old = excerpt("new"), excerpt("old")
    unread = iter([excerpt("zoo-again", dataset="zoo", repeats="zoo"), new, old])
    assert history.collect(unread, [], 1) == {"mnist": [new]}, "reproductions are skipped"
    assert list(unread) == [old], "no more runs are read than needed"
