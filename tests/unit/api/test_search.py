"""What `tune` returns, and what it refuses before it starts anything."""

import math

import pytest

from sightline.api.listing import load
from sightline.api.search import Search
from sightline.api.tuning import tune
from sightline.errors import ConfigError
from sightline.experiments.search.trial import SearchTrial

RATE, SIZE = "training.learning_rate", "training.batch_size"


def trial(number, state, metric, epochs, message=""):
    return SearchTrial(
        number=number,
        values={RATE: 0.001 * (number + 1), SIZE: "16", "training.optimizer": "adam"},
        state=state,
        metric=metric,
        epochs=epochs,
        last_epoch=len(epochs),
        seconds=2,
        cpu_seconds=3,
        message=message,
    )


@pytest.fixture
def found(published, tmp_path):
    trials = (
        trial(0, "pruned", None, (0.25,)),
        trial(1, "complete", 0.75, (0.5, 0.75)),
        trial(2, "failed", None, (), "<b>no memory"),
    )
    content = {
        "name": "demo<b>",
        "trials": [one.model_dump(mode="json") for one in trials],
        "best": 1,
        "recipe": str(tmp_path / "tuned.toml"),
        "page": str(tmp_path / "tune.html"),
    }
    return Search(content, "val_accuracy", load(artifacts=published))


def test_search_has_a_table_of_its_trials_and_the_best_one(found):
    assert list(found.trials.columns)[3:5] == ["val_accuracy", "state"]
    assert list(found.trials[SIZE]) == [16, 16, 16]
    assert list(found.trials["state"]) == ["pruned", "complete", "failed"]
    assert list(found.trials["val_accuracy"][:2]) == [0.25, 0.75]
    assert math.isnan(found.trials.loc[2, "val_accuracy"])
    assert list(found.trials["epochs"]) == [1, 2, 0]
    assert found.best.number == 1
    assert found.best.values == {RATE: 0.002, SIZE: 16, "training.optimizer": "adam"}
    assert repr(found) == "<Search demo<b>: best of 3 trials 1, val_accuracy 0.7500>"


def test_notebook_shows_the_search_with_escaped_text(found):
    shown = found._repr_html_()
    assert "learning_rate 0.002" in shown
    assert "demo&lt;b&gt;" in shown
    assert "tune.html" in shown


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"space": {"lr": 0.1}}, r"training\.learning_rate is 0\.1.*log\(1e-4"),
        ({"space": {"epochs": "3"}}, "nothing to search"),
        ({"metric": "accuracy"}, "metric is 'accuracy'.*val_loss"),
        ({"runner": "slurm"}, "runner is 'slurm'.*ray"),
        ({"trials": 0}, "trials is 0"),
        ({"parallel": 0}, "parallel is 0"),
    ],
)
def test_mistake_is_refused_with_its_name(changes, expected, tmp_path):
    asked = {"space": {"lr": "log(1e-4, 1e-1)"}, "artifacts": tmp_path} | changes
    with pytest.raises(ConfigError, match=expected):
        tune("mnist-5k", "quickstart", **asked)
