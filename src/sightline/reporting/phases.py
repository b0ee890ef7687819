"""What the training changed: a sentence for the page."""

from sightline.config import TrainingConfig, VggConfig
from sightline.records import TrainedModel
from sightline.records.manifest import RunManifest


def describe(manifest: RunManifest) -> str:
    """State which layers were trained, from which weights and on what."""
    blueprint, embedded = manifest.records.build, manifest.records.embed
    if isinstance(manifest.config.model, VggConfig):
        return (
            "The layer “whitening” was computed from the training images; all others were trained "
            "from random weights."
        )
    if blueprint.pretrained is None:
        return "All layers were trained from random weights."
    if blueprint.last_frozen is None:
        before = _frozen_phase(manifest.records.frozen)
        return f"All layers were trained, starting from pretrained weights{before}."
    names = [layer.name for layer in blueprint.layers]
    after = len(names) - 1 - names.index(blueprint.last_frozen)
    views = (embedded.splits["train"].views if embedded else None) or 1
    seen = f"{views} views of each image" if views > 1 else "each image"
    return (
        f"The layers up to “{blueprint.last_frozen}” keep their pretrained weights; their output "
        f"was computed once for {seen}. The {after:,} layers after them were trained on it"
        f"{_frozen_phase(manifest.records.frozen)}."
    )


def learning_rate(settings: TrainingConfig) -> str:
    """Name the schedule of the learning rate, with its highest rate."""
    schedule, rate = settings.schedule, f"{settings.learning_rate:g}"
    risen = round(settings.rise * settings.epochs, 2)
    epochs = "1 epoch" if risen == 1 else f"{risen:g} epochs"
    if schedule == "constant":
        return f"constant {rate}{f', warm-up {epochs}' if risen else ''}"
    return f"{schedule}, peak {rate} after {epochs}" if risen else f"{schedule} from {rate} to 0"


def _frozen_phase(trained: TrainedModel | None) -> str:
    if trained is None:
        return ""
    epochs = "1 epoch" if trained.epochs == 1 else f"{trained.epochs:,} epochs"
    return f", after {epochs} of the head alone (training accuracy {trained.accuracy:.2%})"
