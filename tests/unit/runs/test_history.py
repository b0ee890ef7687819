from datetime import timedelta
from pathlib import Path

import pytest

from excerpts import CONFIG, excerpt, with_recipe
from sightline.records.manifest import ManifestExcerpt
from sightline.runs import history, seed_noise
from sightline.storage.workspace import Workspace

FAST = with_recipe(CONFIG, "fast")


def nights(*accuracies: float, recipe: str = "tutorial") -> list[ManifestExcerpt]:
    """One run a night, the oldest first."""
    first = excerpt(config=with_recipe(CONFIG, recipe)).created
    return [
        excerpt(
            f"{recipe}-{night}",
            accuracy=accuracy,
            config=with_recipe(CONFIG, recipe),
            created=first + timedelta(days=night),
        )
        for night, accuracy in enumerate(accuracies)
    ]


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A root with the noise of the tutorial: two runs differ by up to 0.0039."""
    runs = [
        excerpt(f"s{seed}", seed=seed, accuracy=accuracy)
        for seed, accuracy in enumerate((0.990, 0.991, 0.992, 0.991, 0.990))
    ]
    seed_noise.write(Workspace(tmp_path), seed_noise.measure(runs))
    return tmp_path


def test_change_is_that_since_the_last_run_of_the_same_recipe(tmp_path: Path) -> None:
    slow, fast = nights(0.990, 0.991), nights(0.95, 0.96, recipe="fast")
    entries = history.entries(Workspace(tmp_path), [fast[1], slow[1], slow[0], fast[0]])
    assert [entry.run.run_id for entry in entries] == [
        "fast-0",
        "tutorial-0",
        "fast-1",
        "tutorial-1",
    ]
    assert [entry.change for entry in entries[:2]] == [None, None]
    assert [entry.change for entry in entries[2:]] == pytest.approx([0.01, 0.001])
    assert {entry.is_noise for entry in entries} == {None}


def test_change_that_seeds_may_explain_is_noise_and_a_larger_one_is_not(measured: Path) -> None:
    entries = history.entries(Workspace(measured), nights(0.990, 0.992, 0.987))
    assert [entry.is_noise for entry in entries] == [None, True, False]
    assert all(entry.band for entry in entries)


def test_band_of_the_run_before_tells_of_a_changed_setting(measured: Path) -> None:
    before, after = nights(0.990, 0.9995)
    training = CONFIG.training.model_copy(update={"epochs": 9})
    changed = after.model_copy(update={"config": CONFIG.model_copy(update={"training": training})})
    _, entry = history.entries(Workspace(measured), [before, changed])
    assert (entry.band, entry.is_noise) == (None, False)


def test_wider_band_of_the_two_runs_counts_as_in_their_comparison(measured: Path) -> None:
    training = CONFIG.training.model_copy(update={"epochs": 9})
    other = CONFIG.model_copy(update={"training": training})
    wide = [
        excerpt(f"w{seed}", seed=seed, accuracy=accuracy, config=other)
        for seed, accuracy in enumerate((0.95, 0.99, 0.97))
    ]
    seed_noise.write(Workspace(measured), seed_noise.measure(wide))
    before, after = nights(0.950, 0.990)
    for pair in (
        [before.model_copy(update={"config": other}), after],
        [before, after.model_copy(update={"config": other})],
    ):
        assert [entry.is_noise for entry in history.entries(Workspace(measured), pair)][1]


def test_damaged_band_is_warned_of_once(measured: Path, caplog: pytest.LogCaptureFixture) -> None:
    (place,) = (measured / "noise").iterdir()
    place.write_bytes(b"{}")
    entries = history.entries(Workspace(measured), nights(0.990, 0.992, 0.987))
    assert [entry.band for entry in entries] == [None, None, None]
    assert len(caplog.records) == 1


def test_newest_runs_of_the_newest_data_set_are_chosen_unless_others_are_named() -> None:
    found = [
        excerpt("z2", dataset="zoo"),
        excerpt("m2"),
        excerpt("z1", dataset="zoo"),
        excerpt("m1"),
        excerpt("z0", dataset="zoo"),
    ]

    def chosen(datasets: list[str], last: int) -> dict[str, list[str]]:
        histories = history.collect(iter(found), datasets, last)
        return {name: [run.run_id for run in runs] for name, runs in histories.items()}

    assert chosen([], 2) == {"zoo": ["z2", "z1"]}
    assert chosen(["mnist", "zoo", "gone"], 2) == {"mnist": ["m2", "m1"], "zoo": ["z2", "z1"]}
    assert chosen(["gone"], 2) == {}
    assert history.collect([], [], 2) == {}


def test_no_more_runs_are_looked_at_than_are_needed() -> None:
    found = iter([excerpt("new"), excerpt("old"), excerpt("older")])
    history.collect(found, [], 1)
    assert [run.run_id for run in found] == ["old", "older"]


def test_repetition_of_a_run_is_no_part_of_a_history() -> None:
    night, other = *nights(0.990), excerpt("zoo-again", dataset="zoo", repeats="zoo")
    again = night.model_copy(update={"run_id": "again", "repeats": night.run_id})
    assert history.collect([other, again, night], []) == {"mnist": [night]}
