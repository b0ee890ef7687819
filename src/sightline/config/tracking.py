"""Settings of the trackers that record runs beside the run folder."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from sightline.config.base import Section

_URI = re.compile(r"(https?://[^@?#\s]+|sqlite:////[^?#\s]+)")


def _has_no_secret(uri: str) -> str:
    if not _URI.fullmatch(uri):
        raise ValueError(
            "expected http://HOST:PORT, https://HOST or sqlite:////FOLDER/FILE, without name or "
            "password, which belong in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN"
        )
    return uri


class TrackingConfig(Section):
    """Where runs are recorded beside the run folder. No result depends on it."""

    mlflow: Annotated[str, AfterValidator(_has_no_secret)] | None = Field(
        default=None, max_length=300, examples=["http://127.0.0.1:5000"]
    )
    """Server or SQLite file in which MLflow records each run. Unset: not recorded."""
    tensorboard: bool = False
    """Write the metrics of each epoch for `tensorboard --logdir`, below the artifacts root."""

    @property
    def is_on(self) -> bool:
        """Whether a run is recorded anywhere beside the run folder."""
        return self.mlflow is not None or self.tensorboard
