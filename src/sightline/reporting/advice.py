"""What to try next: at most five steps, the one that is likely to help most first."""

from collections.abc import Iterator
from statistics import mean, median
from typing import NamedTuple

from sightline.config import Augmentation, BackboneConfig, CustomConfig, RunConfig
from sightline.records.manifest import RunManifest
from sightline.reporting import metric_tables, summary
from sightline.reporting.warnings import MISCALIBRATED, Escape, fit_problem

_MOST = 5
_NAMED = 3  # Most classes that a step names
_WEAK_RECALL = 0.05  # How far below the mean a class's recall is worth more images
_IMBALANCED = 3  # Ratio of the largest to the smallest class from which weights help
_CONFUSED, _CONFUSED_IMAGES = 0.1, 3  # Share of a class, and images, from which a confusion counts
_WIDE = 0.1  # Width of the accuracy's interval above which more test images are worth it


class Step(NamedTuple):
    """One thing to try."""

    text: str
    section: str = ""  # Id of the section of the page that shows more, if any


def list_steps(manifest: RunManifest, escape: Escape) -> list[Step]:
    """List what to try next; `escape` makes text from the user literal."""
    rules = [_fit, _labels, _few_images, _class_weight, _confusion, _calibration, _splits]
    if not all(summary.predictions_per_class(manifest.records.evaluate).values()):
        rules.sort(key=lambda rule: rule is not _class_weight)  # what helps most there
    return [step for rule in rules for step in rule(manifest, escape)][:_MOST]


def _fit(manifest: RunManifest, escape: Escape) -> Iterator[Step]:
    """Name the keys against overfitting or underfitting."""
    config, problem = manifest.config, fit_problem(manifest)
    if problem == "overfits":
        color = manifest.records.ingest.image_shape[2] > 1
        keys = ", ".join(_against_overfitting(config, color=color))
        yield Step(f"Against overfitting: more training images, {keys}.", "training")
    elif problem == "underfits" or summary.no_better_than_baseline(manifest.records.evaluate):
        training = config.training
        more = f"training.epochs={2 * training.epochs} (now {training.epochs})"
        if manifest.records.train.stopped and (patience := training.early_stopping):
            more = f"training.early_stopping={2 * patience} (now {patience})"
        rate = f"another training.learning_rate (now {training.learning_rate:g})"
        yield Step(f"Train longer: {more}, or with {rate}.{_larger(config)}", "training")


def _against_overfitting(config: RunConfig, *, color: bool) -> Iterator[str]:
    model = config.model
    if isinstance(model, BackboneConfig) and model.finetune != "full":
        views = config.embedding.views
        yield f"more random crops of each (embedding.views={2 * views}, now {views})"
    elif config.training.augmentation == Augmentation():
        change = "flip=horizontal" if color else "translation=0.1"
        yield f"augmentation (such as training.augmentation.{change})"
    else:
        yield "stronger augmentation (training.augmentation)"
    if color and not isinstance(model, BackboneConfig):
        yield "for photographs a pretrained network (--recipe photos)"
    if isinstance(model, CustomConfig):
        yield "or dropout in your network"
    else:
        yield f"or a higher model.dropout (now {model.dropout:g})"


def _larger(config: RunConfig) -> str:
    """Name the network that can learn more."""
    model = config.model
    if not isinstance(model, BackboneConfig):
        return " For photographs, start from a pretrained network (--recipe photos)."
    if model.finetune == "head":
        return ' Train more than the last layer (model.finetune="tail").'
    return ""


def _labels(manifest: RunManifest, escape: Escape) -> Iterator[Step]:
    found = manifest.records.evaluate.label_errors
    if found is not None and found.found:
        labels = "label" if found.found == 1 else "labels"
        yield Step(
            f"Look at the {found.found:,} {labels} that the model contradicts and correct the "
            "wrong ones; label_errors.parquet names the files.",
            "mistakes",
        )


def _few_images(manifest: RunManifest, escape: Escape) -> Iterator[Step]:
    """Ask for images of the classes that are rarer than most and recognized worse.

    A model that has not learned the images that it was given needs no others.
    """
    if fit_problem(manifest) == "underfits":
        return
    counts = manifest.records.ingest.counts["train"]
    pairs = zip(manifest.records.evaluate.classes, counts, strict=True)
    tested = [(row.recall, row.class_name, count) for row, count in pairs if row.support]
    usual, weak = median(counts), mean(recall for recall, *_ in tested) - _WEAK_RECALL
    found = sorted(one for one in tested if one[0] < weak and one[2] <= usual)
    if found:
        shown = (
            f"“{escape(name)}” ({count:,} training images, recall {recall:.2%})"
            for recall, name, count in found[:_NAMED]
        )
        more = f" and {len(found) - _NAMED:,} more classes" if found[_NAMED:] else ""
        yield Step(f"Add images of {', '.join(shown)}{more}.", "classes")


def _class_weight(manifest: RunManifest, escape: Escape) -> Iterator[Step]:
    counts = manifest.records.ingest.counts["train"]
    least, most = min(counts), max(counts)
    if manifest.config.training.class_weight == "none" and most > _IMBALANCED * least:
        yield Step(
            f'Weight the classes (training.class_weight="balanced"): the largest has {most:,} '
            f"training images, the smallest {least:,}.",
            "data",
        )


def _confusion(manifest: RunManifest, escape: Escape) -> Iterator[Step]:
    evaluation = manifest.records.evaluate
    pair = next(iter(metric_tables.confused_pairs(evaluation)), None)
    if pair and pair.images >= _CONFUSED_IMAGES and pair.share >= _CONFUSED:
        label, other = (evaluation.classes[number].class_name for number in pair[:2])
        yield Step(
            f"Compare “{escape(label)}” with “{escape(other)}”: the model predicts the second for "
            f"{pair.images:,} test images of the first ({pair.share:.2%}). Add images that show "
            "the difference, or merge the classes if people cannot tell them apart either.",
            "mistakes",
        )


def _calibration(manifest: RunManifest, escape: Escape) -> Iterator[Step]:
    found, training = manifest.records.evaluate.calibration, manifest.config.training
    if found is None or found.error <= MISCALIBRATED:
        return
    smoothing = training.label_smoothing
    if summary.overconfidence(found) > 0:
        remedy = (
            f"raise training.label_smoothing (now {smoothing:g}), such as to {smoothing + 0.1:g}"
        )
    elif smoothing:
        remedy = f"lower training.label_smoothing (now {smoothing:g})"
    else:
        remedy = "train longer (training.epochs)"
    scaled = found.temperature
    divide = f", or divide the logits by {scaled.temperature:.3g}" if scaled else ""
    yield Step(f"For better probabilities, {remedy}{divide}.", "calibration")


def _splits(manifest: RunManifest, escape: Escape) -> Iterator[Step]:
    """Ask for the images that a sound measurement needs."""
    evaluation, splits = manifest.records.evaluate, manifest.records.preprocess.splits
    low, high = evaluation.accuracy_interval
    if high - low > _WIDE:
        yield Step(
            f"Test on more images: with {summary.test_images(evaluation):,}, the confidence "
            f"interval is {100 * (high - low):.1f} points wide."
        )
    if "validation" not in splits:
        yield Step(
            "Hold out a validation split (preprocessing.validation_fraction=0.1), which shows "
            "overfitting during the training and calibrates the probabilities.",
            "training",
        )
