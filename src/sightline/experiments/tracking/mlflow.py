"""Records runs in MLflow, through the client of the package mlflow-skinny.

An experiment for each data set; in it a run with the parameters, the metrics of each epoch, the
documents and the model. The model becomes a version of the registered model of the data set: its
Keras file, without a flavor of MLflow, which the package does not have.
"""

import os
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sightline.config.tracking import TrackingConfig
from sightline.errors import StageError
from sightline.experiments.tracking.tracked_run import TrackedRun
from sightline.records import Record
from sightline.storage.text import without_queries

SECONDS = 300  # Time that all requests of a run may take together
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # By default, a server that is away is waited for during minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_TAG = "sightline."
# Limits of MLflow for a request, and for the text of a parameter
_METRICS, _PARAMETERS, _CHARACTERS = 1000, 100, 6000
_DESCRIPTION = (
    "Keras file, without a flavor of MLflow. Download it, then "
    "`keras.saving.load_model('model.keras')`; `mlflow.pyfunc` cannot load it."
)


class Recorded(Record):
    """A run as MLflow knows it."""

    run_id: str
    version: str | None = None  # Of the registered model


def record(tracked: TrackedRun, settings: TrackingConfig) -> Recorded:
    """Record a run; call it in a process of its own, which the time limit ends.

    Raises StageError if MLflow does not answer or refuses the run.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    signal.alarm(SECONDS)
    try:
        return _record(tracked, str(settings.mlflow))
    except Exception as error:
        raise StageError(_reason(error)) from None
    finally:
        signal.alarm(0)


def _reason(error: Exception) -> str:
    """Return why MLflow's client failed, whose message is long if the server is away."""
    cause = type(error.__context__)
    if cause.__module__.startswith("requests.") and cause.__name__ != "HTTPError":
        return f"no answer ({cause.__name__})"
    return f"{type(error).__name__}: {without_queries(str(error))}"


def _record(tracked: TrackedRun, uri: str) -> Recorded:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = _experiment(client, tracked.dataset, uri)
    tags = {f"{_TAG}{name}": value for name, value in tracked.tags.items()}
    start = _milliseconds(tracked.started)
    run = client.create_run(experiment, start_time=start, tags=tags, run_name=tracked.id)
    run_id, end = run.info.run_id, _milliseconds(tracked.ended)
    client.set_terminated(run_id, "FAILED", end)  # until all is there: this process may be killed
    _log(client, run_id, tracked)
    for target, path in tracked.files.items():
        client.log_artifact(run_id, path, str(Path(target).parent).strip(".") or None)
    version = _register(client, tracked, run, tags) if tracked.registered else None
    if tracked.succeeded:
        client.set_terminated(run_id, "FINISHED", end)
    return Recorded(run_id=run_id, version=version)


def _experiment(client: Any, name: str, uri: str) -> str:
    """Return the ID of an experiment, which is created if necessary.

    A database alone has no place for artifacts: they lie beside its file.
    """
    from mlflow.exceptions import MlflowException

    place = None
    if uri.startswith("sqlite:"):
        database = Path(urlsplit(uri).path.removeprefix("/"))
        place = (database.parent / "mlflow-artifacts" / name).as_uri()
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name, artifact_location=place))
    except MlflowException:  # another run has just created it
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        raise


def _log(client: Any, run_id: str, tracked: TrackedRun) -> None:
    from mlflow.entities import Param

    values = sorted(tracked.parameters.items())
    parameters = [Param(name, value[:_CHARACTERS]) for name, value in values]
    for first in range(0, len(parameters), _PARAMETERS):
        client.log_batch(run_id, params=parameters[first : first + _PARAMETERS])
    metrics = list(_metrics(tracked))
    for first in range(0, len(metrics), _METRICS):
        client.log_batch(run_id, metrics=metrics[first : first + _METRICS])


def _metrics(tracked: TrackedRun) -> Iterator[Any]:
    from mlflow.entities import Metric

    for epoch in tracked.epochs:
        time = _milliseconds(epoch.ended)
        yield from (Metric(name, value, time, epoch.epoch) for name, value in epoch.metrics.items())
    last = tracked.epochs[-1].epoch if tracked.epochs else 0
    time = _milliseconds(tracked.ended)
    yield from (Metric(name, value, time, last) for name, value in tracked.metrics.items())


def _register(client: Any, tracked: TrackedRun, run: Any, tags: dict[str, str]) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(tracked.dataset)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"{run.info.artifact_uri}/model"
    version = client.create_model_version(
        tracked.dataset, source, run.info.run_id, tags=tags, description=_DESCRIPTION
    )
    return str(version.version)


def _milliseconds(time: datetime) -> int:
    return round(1000 * time.timestamp())
