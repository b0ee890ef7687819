"""Settings of the features of a backbone's frozen layers."""

from typing import Literal

from pydantic import Field

from sightline.config.base import Section, Seed


class EmbeddingConfig(Section):
    """Features of the frozen layers of a backbone, computed once for each image."""

    engine: Literal["auto", "onnxruntime", "keras"] = "auto"
    """Library that computes them. auto: ONNX Runtime on a CPU with the TensorFlow backend if it is
    installed, else Keras."""
    views: int = Field(default=1, ge=1, le=64, examples=[4])
    """Features for each training image: of the image itself and of this many less one random
    crops of it. Each epoch draws one of them."""
    smallest_crop: float = Field(default=0.45, gt=0, le=1, examples=[0.6])
    """Smallest area of a random crop, as a fraction of the image."""
    flip: bool = True
    """Flip half of the random crops horizontally."""
    seed: Seed = 0
    """Random seed of the crops."""
