"""Labels that come after the scores, and the accuracy by them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sightline.data.labelling import class_names, image_table
from sightline.data.labelling.label_columns import DEFAULT, LABEL_COLUMNS
from sightline.errors import DataError, InputError
from sightline.evaluation.intervals import wilson
from sightline.prediction.scoring import parts
from sightline.prediction.scoring.place import Scores
from sightline.records import LiveAccuracy
from sightline.records.manifest import RunManifest
from sightline.storage import digests
from sightline.storage.text import quoted

_COLUMNS = pa.schema([("file", pa.string()), ("label", pa.string())])


def read(path: Path) -> list[tuple[str, str]]:
    """Read files and labels from a table (CSV, TSV or JSON Lines).

    Raises DataError if it cannot be read or has no columns of files and labels.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path} of labels.")
    rows = image_table.read_table(path, DEFAULT) or []
    found = [(row.file, class_names.normalize(row.label)) for row in rows if row.file and row.label]
    if not found:
        raise DataError(
            f"{path} holds no labels; expected a column {image_table.FILE_COLUMNS[2]!r} with the "
            f"files of the images and a column {LABEL_COLUMNS[0]!r}."
        )
    return found


def add(scores: Scores, path: Path, data: str) -> None:
    """Keep the labels of a table that `read` reads.

    A file is named by its path below the data, or by its full path. Of two labels of a file, that
    of the later table counts; the last table is not kept again. The caller keeps all others out.
    """
    found = [(_below(data, file), label) for file, label in read(path)]
    digest = digests.sha256(path)[:16]
    last = max(scores.folder.glob("_labels/*.parquet"), default=Path())
    if not last.stem.endswith(f"-{digest}"):
        table = pa.table([pa.array(column) for column in zip(*found, strict=True)], schema=_COLUMNS)
        name = f"_labels/{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{digest}.parquet"
        with scores.new_file(name) as target:
            pq.write_table(table, target, write_page_checksum=True)


def _below(data: str, file: str) -> str:
    """Return a file, given by its full path or below the data, as the scores name it."""
    if file == data or file.startswith(f"{data}#"):  # the data are a single file
        return f"{data.rpartition('/')[2]}{file[len(data) :]}"
    return file.removeprefix(f"{data.rstrip('/')}/").removeprefix("./")


def live_accuracy(
    scores: Scores, model: tuple[str, str], manifest: RunManifest
) -> LiveAccuracy | None:
    """Compare the predictions of a model with all labels; None if there are none of its images.

    Args:
        model: Its name and the SHA-256 of its file.
        manifest: Of its run, for the accuracy on the test split.

    Raises InputError if a file of labels or scores is damaged.
    """
    labels = _read_all(scores)
    matched: dict[str, tuple[str, str, datetime]] = {}
    for name, label, predicted, when in _matches(scores, model[1], labels):
        if name not in matched or when >= matched[name][2]:  # of a file that changed, the last
            matched[name] = label, predicted, when
    if not matched:
        return None
    days: dict[str, tuple[int, int]] = {}
    for label, predicted, when in matched.values():
        day = f"{when:%Y-%m-%d}"
        correct, images = days.get(day, (0, 0))
        days[day] = correct + (label == predicted), images + 1
    correct, images = (sum(column) for column in zip(*days.values(), strict=True))
    evaluation, known = manifest.records.evaluate, set(manifest.records.ingest.class_names)
    tested = sum(map(sum, evaluation.confusion))
    right = sum(row[number] for number, row in enumerate(evaluation.confusion))
    interval = wilson(correct, images)
    assert interval is not None  # noqa: S101 - there are images
    return LiveAccuracy(
        model=model[0],
        images=images,
        correct=correct,
        interval=interval,
        unmatched=len(labels) - images,
        unknown_class=sum(label not in known for label, *_ in matched.values()),
        test_images=tested,
        test_accuracy=evaluation.accuracy,
        test_interval=evaluation.accuracy_interval,
        p_value=_equal_accuracies((correct, images), (right, tested)),
        days=dict(sorted(days.items())),
    )


def _read_all(scores: Scores) -> dict[str, str]:
    """Read the labels of all files; of two of a file, the later one."""
    labels: dict[str, str] = {}
    for path in sorted(scores.folder.glob("_labels/*.parquet")):
        try:
            table = pq.read_table(path, schema=_COLUMNS, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{path} cannot be read as labels ({quoted(error)}); restore it from a copy, or "
                "remove it and give its table again."
            ) from None
        labels.update(zip(table["file"].to_pylist(), table["label"].to_pylist(), strict=True))
    return labels


def _matches(
    scores: Scores, model_sha256: str, labels: dict[str, str]
) -> Iterator[tuple[str, str, str, datetime]]:
    """Yield name, label, predicted class and time of each labelled image with a prediction.

    A label of a copy is that of the image itself.
    """
    copied: dict[str, tuple[str, str]] = {}
    copies = sorted(scores.folder.glob("_copies/*.parquet")) if labels else ()
    for batch in parts.read(copies, model_sha256, ["file", "sha256"]):
        for file, sha256 in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if file in labels:
                copied[sha256] = file, labels[file]
    columns = ["file", "sha256", "predicted", "scored_at"]
    for batch in parts.read(scores.parts() if labels else (), model_sha256, columns):
        values = (batch[name].to_pylist() for name in columns)
        for file, sha256, predicted, when in zip(*values, strict=True):
            name, label = copied.get(sha256, (file, labels.get(file)))
            if file in labels:
                name, label = file, labels[file]
            if label is not None and predicted is not None:
                yield name, label, predicted, when


def _equal_accuracies(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the two-sided p-value of Fisher's exact test for two pairs of correct and all."""
    from scipy.stats import fisher_exact

    return float(fisher_exact([[right, images - right] for right, images in (one, other)]).pvalue)
