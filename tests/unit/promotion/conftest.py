from collections.abc import Iterator

import keras
import numpy as np
import pytest

from sightline import files as artifact_files
from sightline import keras_files, model
from sightline.config import Convolution, ModelConfig
from sightline.holdout import holdout_sha256
from sightline.keras_process import keras_process
from sightline.promotion.contest import Rival
from sightline.records import DatasetFiles, FileRecord, Run

LAYERS = ModelConfig(convolutions=(Convolution(filters=3),), dense_units=3)


@pytest.fixture(scope="session", autouse=True)
def process() -> Iterator[None]:
    yield
    keras_process().close()


def written(run: Run, name: str, network: keras.Model) -> FileRecord:
    """Write a model as a training would."""
    path = run.root / "made" / f"{name}.keras"
    path.parent.mkdir(parents=True, exist_ok=True)
    keras_files.export(network, path)
    return FileRecord(
        path=f"made/{path.name}", sha256=artifact_files.sha256(path), bytes=path.stat().st_size
    )


@pytest.fixture
def sure(run: Run) -> FileRecord:
    """A model that has every texture right: its filters see rows, columns and checks."""
    line, smooth = np.array([-1, 2, -1]), np.array([1, 2, 1])
    pairs = ((line, smooth), (smooth, line), (line, line))
    filters = np.stack([np.outer(*pair) for pair in pairs], axis=-1)[:, :, np.newaxis] / 16
    sharpness, threshold = 400.0, 0.08
    network = model.classifier((12, 12, 1), 4, LAYERS)
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
    return written(run, "sure", network)


@pytest.fixture
def untrained(run: Run) -> FileRecord:
    """A model that gives every image the same class."""
    network = model.classifier((12, 12, 1), 4, LAYERS)
    network.set_weights([0 * weights for weights in network.get_weights()])
    return written(run, "untrained", network)


@pytest.fixture
def champion(files: DatasetFiles, untrained: FileRecord) -> Rival:
    return Rival(
        name="textures-v1",
        model=untrained,
        weights_sha256="c" * 64,
        holdout_sha256=holdout_sha256(files),
        class_names=files.class_names,
        image_shape=files.image_shape,
    )
