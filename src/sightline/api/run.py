"""A finished run, as Python and notebooks see it."""

import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sightline.api import card, evaluation, prediction
from sightline.api.evaluation import Evaluated
from sightline.api.run_file import RunFile
from sightline.data.labelled import WantedSplit
from sightline.errors import InputError
from sightline.experiments import run_folder
from sightline.prediction.model import find
from sightline.records.manifest import RunManifest
from sightline.storage.workspace import Workspace

if TYPE_CHECKING:
    import keras
    import pandas as pd

T = TypeVar("T")


class Run:
    """A finished run: its results, its model and its report.

    `train` and `load` return it. Nothing is read before it is asked for, and Keras is imported by
    `model` alone.

    Attributes:
        id: Run ID, which `load` and the command line take.
        folder: Absolute path of the run's folder.
        manifest: Everything that the run recorded: config, environment, results of the stages.
    """

    def __init__(self, workspace: Workspace, manifest: RunManifest) -> None:
        """Wrap a published run; use `load` instead."""
        self.id = manifest.run_id
        self.folder = run_folder.folder(workspace, self.id).absolute()
        self.manifest = manifest
        self._workspace = workspace

    def __repr__(self) -> str:
        """Name the run and its accuracy."""
        return f"<Run {self.id}: test accuracy {self.accuracy:.2%}>"

    def _repr_html_(self) -> str:
        return card.of_run(self)

    @property
    def accuracy(self) -> float:
        """Share of the test images that are classified correctly, 0 to 1."""
        return self.manifest.records.evaluate.accuracy

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the model's outputs."""
        return self.manifest.records.ingest.class_names

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Content of `metrics.json`: `accuracy`, `accuracy_interval`, `loss`, `classes` and more.

        docs/evaluation.md defines them. Shares are 0 to 1, losses in nats. Raises InputError if the
        file is missing or damaged.
        """
        return self._read("metrics.json", lambda path: dict(json.loads(path.read_bytes())))

    @property
    def history(self) -> "pd.DataFrame":
        """One row an epoch.

        `epoch` (from 1), `accuracy` (0 to 1) and `loss` (nats), `val_accuracy` and `val_loss` if
        there is a validation split, and others, such as `seconds`. Raises InputError if the file is
        missing or damaged.
        """
        return self._table("history.parquet")

    @property
    def predictions(self) -> "pd.DataFrame":
        """One row a test image, in the order of the test split.

        `index`, `label` and `predicted` (int64, numbers of `class_names`), `source` (the image's
        file or place in one, relative to the data set), and `probability_0`, `probability_1` and so
        on (float32, 0 to 1). Raises InputError if the file is missing or damaged.
        """
        return self._table("predictions.parquet")

    @property
    def figures(self) -> dict[str, RunFile]:
        """Figures of the report by name, such as `curves` and `confusion_matrix`.

        A notebook shows one that ends a cell; each is also a path of a PNG.
        """
        names = self.manifest.records.report.figures
        return {name: RunFile(self._file(f"{name}.png")) for name in names}

    @property
    def report(self) -> RunFile:
        """The page `report.html`: a path; `run.report.open()` opens it in the browser."""
        return RunFile(self._file("report.html"))

    @cached_property
    def model(self) -> "keras.Model":
        """The trained Keras model.

        It takes uint8 images of shape (batch, height, width, channels), 0 to 255, and returns
        float32 probabilities of shape (batch, num_classes). The file is checked against the run's
        digest and loaded without code. Raises ModelFileError if it is damaged.
        """
        from sightline.models import keras_files

        served = find(self._workspace, self.id)
        return keras_files.read_model(Path(served.path), served.sha256)

    def predict(self, images: Any) -> "pd.DataFrame":
        """Classify images as `sightline predict` does; they are brought to the model's size.

        Args:
            images: One image or a list of them: paths or URLs such as s3://bucket/prefix (of image
                files, folders, `.npy` or `.parquet` files), Pillow images or arrays. An array is
                uint8, 0 to 255, of shape (height, width), (height, width, 1 or 3),
                (n, height, width) or (n, height, width, 1 or 3).

        Returns:
            One row an image, in order: `input` (its path, or its place such as `images[2]`),
            `label` (name of the most probable class), `class` (its number), `probability` (float32,
            0 to 1), `probabilities` (float32 array of shape (num_classes,), in the order of
            `class_names`) and `error` (why it cannot be read; then the others are missing).
            `attrs["warnings"]` says how the images differ from the training images.

        Raises:
            DataError: A path or URL does not exist, or an array has another type or shape.
            StorageError: A URL needs other credentials, or its service does not answer.
            ModelFileError: The model's file is damaged.
        """
        return prediction.predict(find(self._workspace, self.id), images)

    def evaluate(
        self,
        data: str | os.PathLike[str],
        split: WantedSplit = "all",
        output: str | os.PathLike[str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Evaluated:
        """Measure the model on labelled images as `sightline evaluate` does.

        Args:
            data: Anything that `train` takes as a data set; its classes are some of the run's.
            split: "all" images, or those of the split "train", "validation" or "test".
            output: New folder for page and tables. Default: a folder in the artifacts.
            settings: Config keys of the sections data, evaluation and report, with their values.

        Raises:
            DataError: The data cannot be read, or have a class that the model does not know.
            ConfigError: A setting is wrong.
            InputError: `output` is a folder of something else.
        """
        return evaluation.evaluate(
            self._workspace,
            find(self._workspace, self.id),
            os.fspath(data),
            split,
            None if output is None else Path(output),
            settings or {},
        )

    def _file(self, name: str) -> Path:
        return run_folder.file(self._workspace, self.manifest, name).absolute()

    def _table(self, name: str) -> "pd.DataFrame":
        import pandas as pd

        return self._read(name, pd.read_parquet)

    def _read(self, name: str, reader: Callable[[Path], T]) -> T:
        path = self._file(name)
        try:
            return reader(path)
        except (OSError, ValueError) as error:  # Arrow's and JSON's errors are one of the two
            reason = str(error).splitlines()[0].rstrip(".")
            raise InputError(
                f"{path} cannot be read ({reason}); `sightline runs verify {self.id}` checks all "
                "files of the run."
            ) from None
