"""How deep an evaluation goes: how many images each measure takes, by `evaluation.depth`.

`standard` spends at most 15 % of the cost of the training, or a few CPU seconds. Costs are counted
in multiplications, so that they follow from the config and not from the machine. A training step
costs three predictions of each of its images, since the backward pass costs about twice as much as
the forward pass (Kaplan et al., "Scaling Laws for Neural Language Models", 2020).
"""

from collections.abc import Mapping
from typing import NamedTuple

from sightline.config import EvaluationConfig
from sightline.records import ArraySet, TrainedModel

VERSIONS = 36  # Predictions of an image for the robustness: seven corruptions in five severities
_SHARE = 0.11  # Of the cost of the training; the rest of the 15 % goes to imports and compiling
_TRAINING_STEP = 3  # Predictions
_EMBEDDING = 1 / 3  # ONNX Runtime computes features three times as fast as Keras
_LEAST = 60 * 10**9  # Multiplications that are always spent: some CPU seconds, as 5,000 of MNIST


class Limits(NamedTuple):
    """The most images that each measure takes; 0 leaves it out."""

    saliency: int  # Mistakes
    label_errors: int  # Training images
    robustness: int  # Test images
    served: int  # Test images by which the exported model is compared with the trained one
    temperature: int  # Validation images; more would not make one parameter more precise
    reference: int  # Training images; all 60,000 of MNIST gain less than one point


_ALL = 2**62
FULL = Limits(_ALL, _ALL, _ALL, served=1_000, temperature=10_000, reference=10_000)
"""What `full` takes, unless the settings say less."""

_FEWEST = Limits(1, 500, 40, served=16, temperature=500, reference=2_000)
"""Fewer images than the first three say nothing; as many as the last three are always taken."""


class Cost(NamedTuple):
    """Multiplications."""

    image: int  # Of the prediction of an image
    features: int  # Of that of an image by its features; as `image` if there are none
    map: int  # Of a saliency map


def limits(
    settings: EvaluationConfig,
    arrays: ArraySet,
    cost: Cost,
    trained: TrainedModel | None,
    features: ArraySet | None,
) -> Limits:
    """Return how many images the measures take.

    Args:
        trained: The model, None if it was trained elsewhere: then `standard` is as `full`.
        features: Output of the stage embed, None if no layer is frozen.
    """
    if settings.depth == "quick":
        return _FEWEST._replace(saliency=0, label_errors=0, robustness=0)
    asked = FULL._replace(
        saliency=settings.saliency_images,
        label_errors=_ALL if settings.label_error_threshold < 1 else 0,
        robustness=settings.robustness_images,
    )
    if settings.depth == "full" or trained is None:
        return asked
    images = {name: split.count for name, split in arrays.splits.items()}
    known = images["train"] + images.get("validation", 0)
    asked = asked._replace(label_errors=min(known, asked.label_errors))
    tested = images["test"] * cost.features + _FEWEST.served * cost.image
    left = max(_SHARE * _training(images, cost, trained, features) - tested, _LEAST)
    chosen: dict[str, int] = {}
    for name, share, each in (
        ("saliency", 0.3, cost.map),
        ("label_errors", 0.5, cost.features),
        ("robustness", 1.0, VERSIONS * cost.image),
    ):
        wanted = int(getattr(asked, name))
        found = min(wanted, int(share * left / each))
        chosen[name] = found if found >= min(wanted, getattr(_FEWEST, name)) else 0
        left -= chosen[name] * each
    return _FEWEST._replace(**chosen)


def _training(
    images: Mapping[str, int], cost: Cost, trained: TrainedModel, features: ArraySet | None
) -> float:
    """Return the multiplications of a training, with those of the features that it read."""
    examples = trained.examples or trained.epochs * images["train"]
    steps = float(_TRAINING_STEP * examples * cost.features)
    if features is None:
        return steps
    views = (features.splits["train"].views or 1) * images["train"] + sum(images.values())
    return steps + _EMBEDDING * (cost.image - cost.features) * views
