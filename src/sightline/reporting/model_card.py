"""The model card: what a stranger must know of the model before using it."""

from pathlib import PurePath
from typing import Any

import yaml

from sightline.config import TrainingConfig
from sightline.config.flatten import flatten
from sightline.data.catalog import NAMED, NamedDataset
from sightline.records import Calibration, CorruptionMetrics, Evaluation, Robustness, SliceMetrics
from sightline.records.manifest import RunManifest
from sightline.reporting import page, summary

_TASK = "image-classification"
_MOST_ROWS = 50
"""Beyond this many classes or slices, tables show the first ones only."""

_FEW_IMAGES = 30
"""Below this many test images, what is said of a class is little more than chance."""


def render_model_card(manifest: RunManifest) -> str:
    """Write the card in the form of the Hugging Face hub.

    Args:
        manifest: The finished run.

    Returns:
        A YAML block of metadata, then GitHub Markdown; everything from the user is escaped.
    """
    described = yaml.safe_dump(_metadata(manifest), sort_keys=False, allow_unicode=True)
    text = page.environment().get_template("model_card.md.j2").render(_facts(manifest))
    return f"---\n{described}---\n\n{text}"


def _metadata(manifest: RunManifest) -> dict[str, Any]:
    """Collect what the hub sorts and compares models by; names without a licence to choose it."""
    evaluation = manifest.records.evaluate
    known = _known(manifest)
    hub_id = known.hub_id if known else None
    tested = {
        "type": hub_id or manifest.records.ingest.dataset,
        "name": known.title if known else manifest.records.ingest.dataset,
        "split": "test",
    }
    measured = [
        {"type": "accuracy", "name": "Test accuracy", "value": evaluation.accuracy},
        {"type": "loss", "name": "Test loss (cross-entropy, nats)", "value": evaluation.loss},
    ]
    result = {
        "task": {"type": _TASK, "name": "Image classification"},
        "dataset": tested,
        "metrics": measured,
    }
    return {
        "library_name": "keras",
        "pipeline_tag": _TASK,
        "tags": [_TASK, "keras", "sightline"],
        **({"datasets": [hub_id]} if hub_id else {}),
        "metrics": ["accuracy"],
        "model-index": [{"name": manifest.run_id, "results": [result]}],
    }


def _known(manifest: RunManifest) -> NamedDataset | None:
    """Look the data set up; a folder of the same name is none."""
    return NAMED.get(manifest.config.data.dataset)


def _facts(manifest: RunManifest) -> dict[str, Any]:
    records = manifest.records
    evaluation = records.evaluate
    by_f1 = sorted(evaluation.classes, key=lambda row: (not row.support, row.f1, row.class_name))
    tested = [row for row in by_f1 if row.support]
    known = _known(manifest)
    return {
        "run": manifest,
        "files": records.ingest,
        "gate": records.gate,
        "blueprint": records.build,
        "trained": records.train,
        "evaluation": evaluation,
        "known": known,
        "source": records.ingest.source if known else PurePath(records.ingest.source).name,
        "images": {name: array.shape[0] for name, array in records.ingest.images.items()},
        "numbered": list(enumerate(records.ingest.class_names))[:_MOST_ROWS],
        "novelty": summary.novelty(manifest),
        "settings": _settings(manifest.config.training),
        "classes": by_f1[:_MOST_ROWS],
        "slices": evaluation.slices[:_MOST_ROWS],
        "most_rows": _MOST_ROWS,
        "weakest": tested[0],
        "named": _is_named(evaluation, tested[0].class_name),
        "untested": len(by_f1) - len(tested),
        "rough": sum(row.support < _FEW_IMAGES for row in tested),
        "few_images": _FEW_IMAGES,
        "confused": next(iter(page.most_confused(evaluation)), None),
        "overconfidence": _overconfidence(evaluation.calibration),
        "hardest": _hardest(evaluation.robustness),
        "weak_slice": _weakest(evaluation.slices, evaluation.accuracy),
    }


def _settings(settings: TrainingConfig) -> list[tuple[str, str]]:
    """List what the weights depend on and was asked for; all of it numbers and words of ours."""
    values = settings.model_dump(mode="json", exclude=set(settings.incidental), exclude_none=True)
    changes = {name: share for name, share in values.pop("augmentation").items() if share}
    return flatten({**values, "augmentation": changes})


def _is_named(evaluation: Evaluation, class_name: str) -> bool:
    """Tell whether the model takes any test image for this class."""
    names = [row.class_name for row in evaluation.classes]
    return any(row[names.index(class_name)] for row in evaluation.confusion)


def _overconfidence(calibration: Calibration | None) -> float | None:
    """Return by how much the mean highest probability exceeds the accuracy."""
    if calibration is None:
        return None
    total = sum(row.images for row in calibration.bins)
    return sum(
        row.images * (row.confidence - row.accuracy)
        for row in calibration.bins
        if row.confidence is not None and row.accuracy is not None
    ) / max(1, total)


def _hardest(robustness: Robustness | None) -> CorruptionMetrics | None:
    """Return the corruption under which least is right, over all severities."""
    if robustness is None or not robustness.corruptions:
        return None
    return min(robustness.corruptions, key=lambda row: sum(row.accuracies) / len(row.accuracies))


def _weakest(slices: tuple[SliceMetrics, ...], accuracy: float) -> SliceMetrics | None:
    """Return the slice with the lowest accuracy, where that is hardly chance."""
    low = [row for row in slices if row.interval[1] < accuracy]
    return min(low, key=lambda row: row.accuracy, default=None)
