"""The model card: what users must know about the model."""

from typing import Any

import yaml

from sightline.config import TrainingConfig
from sightline.config.flatten import flatten
from sightline.data.catalog import NAMED, NamedDataset
from sightline.evaluation.overall import overall
from sightline.records import CorruptionMetrics, Evaluation, Robustness, SliceMetrics
from sightline.records.manifest import RunManifest
from sightline.reporting import metric_tables, page, summary, warnings

_TASK = "image-classification"
_FEW_IMAGES = 30  # Metrics of classes with fewer test images than this are called rough


def render_model_card(manifest: RunManifest) -> str:
    """Render the card in the format of the Hugging Face Hub.

    Returns a YAML block of metadata, then GitHub Markdown; everything from the user is escaped.
    """
    described = yaml.safe_dump(_metadata(manifest), sort_keys=False, allow_unicode=True)
    text = page.render("model_card.md.j2", **_facts(manifest))
    return f"---\n{described}---\n\n{text}"


def _metadata(manifest: RunManifest) -> dict[str, Any]:
    """Collect what the Hub sorts and compares models by."""
    evaluation = manifest.records.evaluate
    known = _known(manifest)
    hub_id = known.hub_id if known else None
    trained_on = known and (known.hub_id or known.part_of)
    licence = manifest.config.report.license
    tested = {
        "type": hub_id or manifest.records.ingest.dataset,
        "name": known.title if known else manifest.records.ingest.dataset,
        "split": "test",
    }
    measured = [
        {"type": "accuracy", "name": "Test accuracy", "value": evaluation.accuracy},
        {"type": "loss", "name": "Test loss (cross-entropy, nats)", "value": evaluation.loss},
    ]
    for kind, name in (("f1", "macro F1"), ("roc_auc", "macro ROC AUC")):
        value, _ = overall(evaluation)[name]
        if value is not None:
            measured.append({"type": kind, "name": f"Test {name}", "value": value})
    result = {
        "task": {"type": _TASK, "name": "Image classification"},
        "dataset": tested,
        "metrics": measured,
    }
    return {
        "library_name": "keras",
        "pipeline_tag": _TASK,
        "tags": [_TASK, "keras", "sightline"],
        **({"license": licence} if licence else {}),
        **({"datasets": [trained_on]} if trained_on else {}),
        "metrics": ["accuracy"],
        "model-index": [{"name": manifest.run_id, "results": [result]}],
    }


def _known(manifest: RunManifest) -> NamedDataset | None:
    """Return the named data set; a path is none, whatever its last part."""
    return NAMED.get(manifest.config.data.dataset)


def _facts(manifest: RunManifest) -> dict[str, Any]:
    evaluation = manifest.records.evaluate
    tested = [row for row in metric_tables.weakest_first(evaluation) if row.support]
    known, calibration = _known(manifest), evaluation.calibration
    return {
        **page.facts(manifest, page.escape_markdown),
        "known": known,
        "test_images": summary.test_images(evaluation),
        "settings": _settings(manifest.config.training),
        "weakest": tested[0],
        "weakest_is_predicted": summary.predictions_per_class(evaluation)[tested[0].class_name],
        "untested": len(evaluation.classes) - len(tested),
        "rough": sum(row.support < _FEW_IMAGES for row in tested),
        "few_images": _FEW_IMAGES,
        "confused": next(iter(metric_tables.confusions(evaluation).rows), None),
        "overconfidence": calibration and summary.overconfidence(calibration),
        "hardest": _hardest(evaluation.robustness),
        "weak_slice": _weakest_slice(evaluation),
    }


def _settings(settings: TrainingConfig) -> list[tuple[str, str]]:
    """List the settings that the weights depend on; none of them holds text from the user."""
    values = settings.model_dump(mode="json", exclude=set(settings.incidental), exclude_none=True)
    changes = settings.augmentation.model_dump(mode="json", exclude_defaults=True)
    return flatten({**values, "augmentation": changes})


def _hardest(robustness: Robustness | None) -> CorruptionMetrics | None:
    """Return the usual corruption with the lowest mean accuracy."""
    if robustness is None:
        return None
    found = warnings.usual_corruptions(robustness)
    return min(found, key=lambda row: sum(row.accuracies) / len(row.accuracies), default=None)


def _weakest_slice(evaluation: Evaluation) -> SliceMetrics | None:
    """Return the slice with the lowest accuracy if that is significantly below average."""
    low = [row for row in evaluation.slices if row.interval[1] < evaluation.accuracy]
    return min(low, key=lambda row: row.accuracy, default=None)
