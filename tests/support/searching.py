"""Searches whose trials are played by hand: nothing is trained."""

from sightline.config import loading
from sightline.data import locate
from sightline.experiments.search import space
from sightline.experiments.search.setup import Setup
from sightline.experiments.search.study import Study
from sightline.experiments.search.trial import SearchTrial

BASE = loading.load("quickstart", overrides=["training.epochs=9"])


def setup(*searched: str, metric: str = "val_accuracy") -> Setup:
    """Return the setup of a search of some keys."""
    return Setup(
        source=locate.locate(BASE.data),
        config=BASE.model_dump_json(),
        space=space.read(None, searched).space,
        metric=metric,
        pruning=True,
        seed=1,
        epochs=BASE.training.epochs,
    )


def play(study: Study, trial: SearchTrial, accuracy: float, epochs: int = 9) -> None:
    """End a trial whose accuracy rises to a value, or which is pruned on the way."""
    for epoch in range(1, epochs + 1):
        metrics = {"val_accuracy": accuracy * epoch / epochs}
        if not study.report(trial.number, epoch, metrics) and epoch < epochs:
            study.end(trial.number, "pruned")
            return
    study.add_cost(trial.number, seconds=2.5, cpu_seconds=4.0)
    study.end(trial.number, "complete", accuracy)
