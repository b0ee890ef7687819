"""A training in which every external input is hostile: names, secrets, pickles."""

import base64
import csv
import json
import pickle
from pathlib import Path
from typing import Any

from command import Command, Completed
from examples import pictures
from sightline.records import StageRecords
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace

NAMES = (
    "<script>alert(1)</script>",
    "[link](javascript:alert(1)) & **bold**",
    "![picture](http://127.0.0.1/p.png) | cell | `code`",
    "[bold red]markup[/bold red] $x_1$ <b>",
)
FOLDER = "\x1b[2J\n# <img src=x onerror=alert(1)> | [link](javascript:0)"
SECRET = "hunter2"  # noqa: S105 - invented
SECRETS = {
    "PREFECT_API_AUTH_STRING": f"user:{SECRET}-api",
    "SIGHTLINE_MIRROR": f"http://user:{SECRET}-mirror@127.0.0.1:9/?sig={SECRET}-sig",
    "SIGHTLINE_WEBHOOK_URL": f"https://chat.example.org/{SECRET}-hook",
    "CLOUD_SECRET_KEY": f"{SECRET}-cloud",
}
OVERRIDES = ("training.epochs=1", "model.convolutions=[{filters=4}]", "data.test_fraction=0.25")
STAGES = ("ingest", "preprocess", "build", "train", "evaluate", "report")


class Hostile:
    """A data set with hostile names, hostile Prefect results, and a command that trains."""

    def __init__(self, folder: Path, command: Command, home: Path) -> None:
        self.home = home
        self.folder = folder
        self.root = folder / "artifacts"
        self.store = folder / "store"
        self.canary = folder / "canary"
        self.data = folder / FOLDER / "table.csv"
        self.data.parent.mkdir()
        self.store.mkdir()
        self._command = command
        images, labels = pictures(60, 4, (8, 8, 1))
        with self.data.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["label", *(f"p{number}" for number in range(64))])
            for image, label in zip(images, labels, strict=True):
                writer.writerow([NAMES[label], *image.reshape(-1)])

    def train(self, run_id: str, *more: str) -> Completed:
        return self._command(
            "train",
            f"--dataset={self.data}",
            "--recipe=quickstart",
            *(f"--set={override}" for override in OVERRIDES),
            f"--artifacts={self.root}",
            f"--run-id={run_id}",
            *more,
            **SECRETS,
            PREFECT_LOCAL_STORAGE_PATH=str(self.store),
        )

    def plant(self, name: str) -> Path:
        """Put a record into Prefect's result store that runs code when it is read."""
        attack = pickle.dumps(_Attack(self.canary))
        record = {
            "metadata": {
                "storage_key": name,
                "expiration": None,
                "serializer": {"type": "pickle"},
                "prefect_version": "3.8.8",
                "storage_block_id": None,
            },
            "result": base64.encodebytes(attack).decode(),
        }
        (self.store / name).write_text(json.dumps(record))
        return self.store / name

    @property
    def records(self) -> StageRecords:
        return run_folder.read(Workspace(self.root), "first").records


class _Attack:
    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self._canary, "run")
