"""Predict shards on the Ray cluster of this machine."""

from pathlib import Path

from sightline.pipeline import ray_cluster
from sightline.pipeline.process import keras_process
from sightline.pipeline.progress import Counter
from sightline.prediction.predict import predict_request
from sightline.prediction.records import Outcome, Request
from sightline.records import Run
from sightline.storage import sync


def predict_on_ray(request: Request, run: Run) -> None:
    """Predict the shards of a request; each node computes an equal share, which stays in the cache.

    Raises ConfigError as `ray_cluster.connect`, and errors as `ray_tasks.each_on_ray`.
    """
    model = request.model
    if run.workspace.url and Path(model.path).is_relative_to(run.workspace.root):
        relative = Path(model.path).relative_to(run.workspace.root).as_posix()
        model = model.model_copy(update={"path": relative})  # the copy of a node is elsewhere
    with run.workspace.in_use(), ray_cluster.connected() as node:
        from sightline.pipeline.ray_tasks import each_on_ray  # imports Ray

        shares = [
            request.model_copy(update={"model": model, "share": (number, node.at_once)})
            for number in range(node.at_once)
        ]
        counter = Counter("shares", len(shares), "predict")
        for _ in each_on_ray(predict_there, run, shares, node):
            counter.advance(1)


def predict_there(run: Run, request: Request) -> Outcome:
    """Predict a share of the shards on a node; the outcome counts nothing."""
    model = request.model
    if not Path(model.path).is_absolute():
        path = sync.fetch(run.workspace, model.path, model.sha256)
        model = model.model_copy(update={"path": str(path)})
    return keras_process().run(predict_request, request.model_copy(update={"model": model}), run)
