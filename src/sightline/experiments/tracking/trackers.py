"""The trackers that a config names. One that fails costs a sentence, never the run."""

import logging
from importlib.util import find_spec

from sightline.config.tracking import TrackingConfig
from sightline.errors import ConfigError, KerasProcessError
from sightline.experiments.tracking import mlflow, tensorboard
from sightline.experiments.tracking.tracked_run import TrackedRun
from sightline.pipeline.process import KerasProcess
from sightline.pipeline.process_settings import ProcessSettings
from sightline.storage.text import quoted
from sightline.storage.workspace import Workspace

_log = logging.getLogger("sightline.tracking")


def check(settings: TrackingConfig) -> None:
    """Raise ConfigError if the library of a tracker is not installed."""
    needed = {"mlflow": settings.mlflow is not None, "tensorboard": settings.tensorboard}
    for name, is_needed in needed.items():
        if is_needed and find_spec(name) is None:
            raise ConfigError(
                f"tracking.{name} needs the extra `tracking`, which is not installed; run "
                'pip install "sightline[tracking]".'
            )


class Trackers:
    """Records runs, with one process for the client of MLflow."""

    def __init__(self, workspace: Workspace, settings: TrackingConfig) -> None:
        """Start nothing yet."""
        self._workspace, self._settings = workspace, settings
        self._process = KerasProcess()
        self._process.configure(ProcessSettings(use_gpu=False, keras=False))

    def __enter__(self) -> "Trackers":
        """Return the trackers."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.close()

    def record(self, tracked: TrackedRun) -> tuple[str, ...]:
        """Record a run or a trial; return a sentence, which is logged too, for each failure."""
        failures = []
        if self._settings.tensorboard:
            try:
                tensorboard.write(self._workspace, tracked)
            except Exception as error:
                failures.append(f"TensorBoard does not have {tracked.id}: {_reason(error)}.")
        if self._settings.mlflow is not None:
            try:
                found = self._process.run(mlflow.record, tracked, self._settings)
                version = f", version {found.version}" if found.version else ""
                _log.info("MLflow has %s as run %s%s", tracked.id, found.run_id, version)
            except Exception as error:
                where = self._settings.mlflow
                failures.append(f"MLflow at {where} does not have {tracked.id}: {_reason(error)}.")
        for sentence in failures:
            _log.warning(sentence)
        return tuple(failures)


def _reason(error: Exception) -> str:
    if isinstance(error, KerasProcessError):
        return f"its client was ended, at the latest after {mlflow.SECONDS} s"
    return quoted(error).rstrip(".")
