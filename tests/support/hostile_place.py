"""A training in which every external input is hostile: names, secrets, pickles."""

import base64
import csv
import json
import pickle
from pathlib import Path

from command import Command, Completed
from examples import pictures
from hostile_input import Canary

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
        self.home, self.folder = home, folder
        self.root, self.store, self.canary = (
            folder / name for name in ("artifacts", "store", "canary")
        )
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
        places = [f"--dataset={self.data}", f"--artifacts={self.root}", f"--run-id={run_id}"]
        settings = [f"--set={override}" for override in OVERRIDES]
        variables = {**SECRETS, "PREFECT_LOCAL_STORAGE_PATH": str(self.store)}
        options = ("--recipe=quickstart", *places, *settings, *more)
        return self._command("train", *options, **variables)

    def plant(self, name: str) -> Path:
        """Put a record into Prefect's result store that runs code when it is read."""
        attack = pickle.dumps(Canary(self.canary))
        metadata = {"storage_key": name, "expiration": None, "storage_block_id": None}
        metadata |= {"serializer": {"type": "pickle"}, "prefect_version": "3.8.8"}
        record = {"metadata": metadata, "result": base64.encodebytes(attack).decode()}
        (self.store / name).write_text(json.dumps(record))
        return self.store / name
