import numpy as np
import pytest

from made_runs import write_file
from runs_to_promote import register
from sightline.config import Convolution, ModelConfig
from sightline.data.holdout import holdout_sha256
from sightline.models import cnn, keras_files
from sightline.records import DatasetFiles, FileRecord, Run
from sightline.registry import Version


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two `.keras` files: one that has every texture right, and one of a constant prediction."""
    line, smooth = np.array([-1, 2, -1]), np.array([1, 2, 1])
    pairs = ((line, smooth), (smooth, line), (line, line))  # rows, columns and checks
    filters = np.stack([np.outer(*pair) for pair in pairs], axis=-1)[:, :, np.newaxis] / 16
    sharpness, threshold = 400.0, 0.08
    dense = (np.eye(3), np.zeros(3), sharpness * np.eye(3, 4), sharpness * threshold * np.eye(4)[3])
    layers = ModelConfig(convolutions=(Convolution(filters=3),), dense_units=3)
    network = cnn.classifier((12, 12, 1), 4, layers)
    weights = [filters, np.zeros(3), *dense]
    found = {}
    for name, factor in (("accurate", 1), ("constant", 0)):
        network.set_weights([factor * values for values in weights])
        path = tmp_path_factory.mktemp("models") / "model.keras"
        keras_files.export(network, path)
        found[name] = path.read_bytes()
    return found


@pytest.fixture
def accurate(run: Run, models: dict[str, bytes]) -> FileRecord:
    return write_file(run.workspace.root, "other/model.keras", models["accurate"])


@pytest.fixture
def champion(run: Run, files: DatasetFiles, models: dict[str, bytes]) -> Version:
    version = register(run.workspace.root, "before", "textures")
    path = version.model.path
    constant = write_file(run.workspace.root, path, models["constant"])
    known = {
        "files": {"model.keras": constant},
        "holdout_sha256": holdout_sha256(files),
        "class_names": files.class_names,
        "image_shape": files.image_shape,
    }
    return version.model_copy(update=known)
