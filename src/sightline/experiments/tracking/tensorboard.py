"""Writes runs as TensorBoard reads them: event files in the layout of Keras' own callback.

`tensorboard/<run>/train` and `validation` below the artifacts root, with the tags `epoch_loss`,
`epoch_accuracy` and so on, so that a chart has both curves.
"""

import socket
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from sightline.experiments.tracking.tracked_run import TrackedEpoch, TrackedRun
from sightline.storage import files, sync
from sightline.storage.workspace import Workspace

_VALIDATION = "val_"


def write(workspace: Workspace, tracked: TrackedRun) -> None:
    """Write the metrics of each epoch, in place of those of an earlier run of this ID.

    Raises ImportError without the extra `tracking`, StorageError if the folder cannot be written.
    """
    metrics = {name for epoch in tracked.epochs for name in epoch.metrics}
    validated = {name for name in metrics if name.startswith(_VALIDATION)}
    for split, names in (("train", metrics - validated), ("validation", validated)):
        if names:
            # One name each time, so that a repeated write replaces the file
            file = f"events.out.tfevents.{int(tracked.started.timestamp())}.{socket.gethostname()}"
            key = f"tensorboard/{tracked.id}/{split}/{file}"
            with workspace.storage_errors():
                _write(workspace.path(key), tracked.started, tracked.epochs, names)
            sync.push_file(workspace, key)


def _write(
    path: Path, started: datetime, epochs: Iterable[TrackedEpoch], names: Iterable[str]
) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    with files.new_file(path) as temporary, temporary.open("wb") as out:
        records = RecordWriter(out)
        first = Event(wall_time=started.timestamp(), file_version="brain.Event:2")
        records.write(first.SerializeToString())
        for epoch in epochs:
            values = {name: epoch.metrics[name] for name in sorted(names) if name in epoch.metrics}
            time = epoch.ended.timestamp()
            event = Event(wall_time=time, step=epoch.epoch, summary=_summary(values))
            records.write(event.SerializeToString())


def _summary(values: dict[str, float]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.metadata import create_summary_metadata

    scalar = create_summary_metadata(display_name="", description="")
    return Summary(
        value=[
            Summary.Value(
                tag=f"epoch_{name.removeprefix(_VALIDATION)}", simple_value=value, metadata=scalar
            )
            for name, value in values.items()
        ]
    )
