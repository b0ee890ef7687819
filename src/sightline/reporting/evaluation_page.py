"""The page of a model that was evaluated on other labelled images, and its sentences."""

import math

from sightline.records import DatasetFiles, Evaluation, ModelEvaluation, Report
from sightline.reporting import page
from sightline.reporting.table import Table, interval
from sightline.storage.workspace import Workspace

_SPLITS = {
    "train": "the training split",
    "validation": "the validation split",
    "test": "the test split",
    "new": "new to the model",
}


def render(
    workspace: Workspace,
    found: ModelEvaluation,
    files: DatasetFiles,
    evaluation: Evaluation,
    report: Report,
) -> str:
    """Render the page: one file that loads nothing; user text is escaped."""
    return page.render(
        "evaluation.html.j2",
        run=None,  # the parts that it shares with the report of a run ask for it
        found=found,
        files=files,
        evaluation=evaluation,
        report=report,
        certainty=certainty(found),
        source=page.without_folder(found.source),
        own=compare_with_own_test(found),
        known=describe_known(found),
        known_table=_known_table(found),
        uniform_loss=math.log(len(files.class_names)),
        **page.embedding(workspace),
    )


def certainty(found: ModelEvaluation) -> str:
    """Give the number of images and the confidence interval of the accuracy."""
    return (
        f"On {found.images:,} labelled images; 95% confidence interval "
        f"{interval(found.metrics.accuracy_interval)}."
    )


def compare_with_own_test(found: ModelEvaluation) -> str:
    """Compare the accuracy with that on the test split of the model's own run."""
    own = found.own_test
    if own is None:
        return "Its accuracy on its own test split is unknown, as is its run."
    low, high = own.difference_interval
    meaning = "it may be chance"
    if low > 0 or high < 0:
        meaning = "it is more than chance"
    return (
        f"On the test split of its run its accuracy is {own.accuracy:.2%} "
        f"({interval(own.interval)}). The difference is {100 * own.difference:+.2f} points, 95% "
        f"confidence interval {100 * low:+.2f} to {100 * high:+.2f}: {meaning}."
    )


def describe_known(found: ModelEvaluation) -> str:
    """State how many of the images the run of the model had, and the accuracy on the others."""
    if found.known is None:
        return (
            "Whether the model was trained on some of these images is unknown: the label table of "
            "its run is not in the cache."
        )
    parts = {one.split: one for one in found.known}
    new = parts.pop("new", None)
    if not parts:
        return "None of these images was in the data of the model's run, as far as digests tell."
    listed = ", ".join(f"{one.images:,} in {_SPLITS[one.split]}" for one in parts.values())
    learned = " Accuracy on images that it was trained on is no test." if "train" in parts else ""
    others = (
        f" On the {new.images:,} others its accuracy is {new.accuracy:.2%} "
        f"({interval(new.interval)})."
        if new
        else ""
    )
    return f"Of these images, the model's run had {listed}.{learned}{others}"


def _known_table(found: ModelEvaluation) -> Table | None:
    if not found.known or {one.split for one in found.known} == {"new"}:
        return None
    rows = [
        (_SPLITS[one.split], f"{one.images:,}", f"{one.accuracy:.2%}", interval(one.interval))
        for one in found.known
    ]
    columns = ("Images in", "Images", "Accuracy", "95% confidence interval")
    return Table("Images that the model's run had", "tnnn", columns, rows)
