"""A loaded model: ONNX Runtime, and the form of the images that it takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers.base import Form
from sightline.errors import ModelFileError
from sightline.models import file_checks
from sightline.models.refusals import refusals
from sightline.pipeline.provenance import cores
from sightline.prediction import signature
from sightline.prediction.signature import Dimensions
from sightline.records import ModelMetadata

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Engine:
    """A model that predicts; several may be loaded at a time."""

    model: str  # Its name to show, such as mnist-v3
    name: str  # Its name in addresses, such as mnist
    version: str  # Its version in addresses, such as 3
    sha256: str  # Digest of its `.keras` file
    metadata: ModelMetadata
    session: Any  # onnxruntime.InferenceSession

    @property
    def form(self) -> Form:
        """The form of its images."""
        return Form(self.metadata.image_shape, self.metadata.resize, white=self.metadata.white)

    def predict(self, images: Pixels) -> NDArray[np.float32]:
        """Predict images (n, height, width, channels); return probabilities (n, classes)."""
        (given,) = self.session.get_inputs()
        found: NDArray[np.float32] = self.session.run(None, {given.name: images})[0]
        return found

    def warm_up(self, most: int) -> None:
        """Predict one image and `most`; raise ModelFileError if the answers cannot be used."""
        for images in (1, most):
            noise = np.random.default_rng(0).integers(
                0, 256, (images, *self.metadata.image_shape), np.uint8
            )
            found = self.predict(noise)
            if found.shape != (images, len(self.metadata.class_names)):
                raise ModelFileError(f"{self.model} answers {images} images with {found.shape}.")
            if not np.isfinite(found).all():
                raise ModelFileError(
                    f"{self.model} gives probabilities that are not finite; its weights are "
                    "damaged: train again, or use another model."
                )


def read(path: Path, sha256: str) -> Any:
    """Load an ONNX file, which is read once; return a session on all cores of this process.

    Raises ModelFileError if it differs from the digest or cannot be loaded.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    # Threads that wait must not take the cores from decoding and from the event loop
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # Errors; warnings are about the optimization of the graph
    with refusals(path):
        content = file_checks.read_file(path, file_checks.LARGEST_FILE, sha256)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def fit(
    session: Any, path: Path, recorded: ModelMetadata | None, stored: ModelMetadata | None = None
) -> ModelMetadata:
    """Return the metadata of a loaded model; see `signature.fit`."""
    ((given,), (computed,)) = session.get_inputs(), session.get_outputs()
    return signature.fit(
        _dimensions(given.shape), _dimensions(computed.shape), str(path), recorded, stored
    )


def _dimensions(shape: list[Any]) -> Dimensions:
    """Return None for the names that ONNX gives to sizes that vary."""
    return tuple(size if isinstance(size, int) else None for size in shape)
