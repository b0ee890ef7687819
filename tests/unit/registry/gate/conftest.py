from collections.abc import Iterator
from datetime import UTC, datetime

import keras
import numpy as np
import pytest

from sightline.config import Convolution, ModelConfig
from sightline.data.holdout import holdout_sha256
from sightline.models import cnn, keras_files
from sightline.pipeline.process import keras_process
from sightline.records import DatasetFiles, FileRecord, Run
from sightline.registry import Version
from sightline.storage import digests

LAYERS = ModelConfig(convolutions=(Convolution(filters=3),), dense_units=3)


@pytest.fixture(scope="session", autouse=True)
def process() -> Iterator[None]:
    yield
    keras_process().close()


def written(run: Run, name: str, network: keras.Model) -> FileRecord:
    """Write a model as a training would."""
    path = run.workspace.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    keras_files.export(network, path)
    return FileRecord(path=name, sha256=digests.sha256(path), bytes=path.stat().st_size)


@pytest.fixture
def sure(run: Run) -> FileRecord:
    """A model that has every texture right: its filters see rows, columns and checks."""
    line, smooth = np.array([-1, 2, -1]), np.array([1, 2, 1])
    pairs = ((line, smooth), (smooth, line), (line, line))
    filters = np.stack([np.outer(*pair) for pair in pairs], axis=-1)[:, :, np.newaxis] / 16
    sharpness, threshold = 400.0, 0.08
    network = cnn.classifier((12, 12, 1), 4, LAYERS)
    network.set_weights(
        [
            filters,
            np.zeros(3),
            np.eye(3),
            np.zeros(3),
            sharpness * np.eye(3, 4),
            sharpness * threshold * np.eye(4)[3],
        ]
    )
    return written(run, "made/sure.keras", network)


@pytest.fixture
def untrained(run: Run) -> FileRecord:
    """A model that gives every image the same class."""
    network = cnn.classifier((12, 12, 1), 4, LAYERS)
    network.set_weights([0 * weights for weights in network.get_weights()])
    return written(run, "models/textures/versions/1/model.keras", network)


@pytest.fixture
def champion(files: DatasetFiles, untrained: FileRecord) -> Version:
    return Version(
        dataset="textures",
        number=1,
        created=datetime(2026, 11, 24, tzinfo=UTC),
        run_id="before",
        recipe="tutorial",
        files={"model.keras": untrained},
        accuracy=0.25,
        accuracy_interval=(0.14, 0.4),
        loss=1.39,
        parameters=60,
        weights_sha256="c" * 64,
        holdout_sha256=holdout_sha256(files),
        class_names=files.class_names,
        image_shape=files.image_shape,
    )
