"""How deep an evaluation goes: what `evaluation.depth` leaves out, or measures on a sample.

Costs are counted in predictions of one image, so that they follow from the config and not from the
machine. A training step costs three of them for each of its images, since the backward pass costs
about twice as much as the forward pass (Kaplan et al., "Scaling Laws for Neural Language Models",
2020). With frozen layers, whose output is cached, most of the cost is one prediction an image.
"""

from sightline.config import EvaluationConfig
from sightline.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from sightline.records import ArraySet, TrainedModel

_SHARE = 0.15  # Of the training's cost
_TRAINING_STEP = 3
_VERSIONS = 1 + len(CORRUPTIONS) * len(SEVERITIES)  # Predictions an image for the robustness
_FEWEST = 50  # Images for the robustness, whatever they cost


def limited(
    settings: EvaluationConfig,
    arrays: ArraySet,
    trained: TrainedModel | None = None,
    features: ArraySet | None = None,
) -> EvaluationConfig:
    """Return the settings with the limits that their depth implies.

    Args:
        trained: The model, None if it was trained elsewhere: then `standard` has no limit.
        features: Output of the stage embed, None if no layer is frozen.
    """
    if settings.depth == "quick":
        off = {"robustness_images": 0, "saliency_images": 0, "label_error_threshold": 1.0}
        return settings.model_copy(update=off)
    if settings.depth == "full" or trained is None:
        return settings
    images = arrays.splits["train"].count
    passes = _TRAINING_STEP * trained.epochs if features is None else 1
    searched = images if features is None and settings.label_error_threshold < 1 else 0
    left = _SHARE * passes * images - searched - arrays.splits["test"].count
    most = max(_FEWEST, int(left / _VERSIONS))
    update = {"robustness_images": min(settings.robustness_images, most)}
    return settings.model_copy(update=update)
