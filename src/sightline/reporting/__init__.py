"""The stage report: pictures of what went in, what was learnt and what went wrong."""

import numpy as np
import pyarrow.parquet as pq

from sightline import figures, samples
from sightline.arrays import open_mapped
from sightline.caching import Draft, find_or_make
from sightline.config import ReportConfig
from sightline.records import (
    DatasetFiles,
    Evaluation,
    FileRecord,
    Mistake,
    Report,
    Run,
    TrainedModel,
)
from sightline.stages import REPORT


def report(
    run: Run,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ReportConfig,
) -> Report:
    """Draw the pictures of a run.

    Args:
        run: Where to work.
        files: Gives samples and the test images.
        trained: Gives the history.
        evaluation: Gives the predictions and the confusion matrix.
        settings: How many mistakes to show.

    Returns:
        The pictures and the worst mistakes.
    """

    def make(draft: Draft) -> Report:
        mistakes, total = _worst_mistakes(run, files, evaluation, settings.mistakes)
        rows = [mistake.index for mistake in mistakes]
        images = open_mapped(run.root / files.images["test"].path)[rows]
        chosen, names = samples.choose(run.root, files)
        title = f"Training images of {files.dataset}"
        figures.draw_samples(draft.path("samples.png"), chosen, names, title)
        history = pq.read_table(
            run.root / trained.history.path, page_checksum_verification=True
        ).to_pandas()
        figures.draw_curves(draft.path("curves.png"), history)
        figures.draw_confusion_matrix(
            draft.path("confusion_matrix.png"), evaluation.confusion, files.class_names
        )
        figures.draw_mistakes(draft.path("mistakes.png"), images, mistakes)
        return Report(
            figures={
                name: draft.record(f"{name}.png")
                for name in ("samples", "curves", "confusion_matrix", "mistakes")
            },
            thumbnails=_thumbnails(draft, images),
            mistakes=mistakes,
            mistakes_total=total,
        )

    key = REPORT.key(files, trained, evaluation, settings)
    return find_or_make(run, REPORT, key, make)


def _worst_mistakes(
    run: Run, files: DatasetFiles, evaluation: Evaluation, most: int
) -> tuple[tuple[Mistake, ...], int]:
    """Find the wrong predictions with the highest probability, and count all wrong ones."""
    path = run.root / evaluation.predictions.path
    columns = ["label", "predicted"]
    columns += [f"probability_{number}" for number in range(len(files.class_names))]
    candidates: list[Mistake] = []
    total = start = 0
    with pq.ParquetFile(path, page_checksum_verification=True) as predictions:
        for batch in predictions.iter_batches(columns=columns):
            label, predicted, *by_class = (column.to_numpy() for column in batch.columns)
            probabilities = np.stack(by_class, axis=1)
            wrong = np.flatnonzero(label != predicted)
            total += len(wrong)
            for row in wrong:
                candidates.append(
                    Mistake(
                        index=start + int(row),
                        label=files.class_names[label[row]],
                        predicted=files.class_names[predicted[row]],
                        probability=float(probabilities[row, predicted[row]]),
                        label_probability=float(probabilities[row, label[row]]),
                    )
                )
            start += len(label)
    worst = sorted(candidates, key=lambda mistake: (-mistake.probability, mistake.index))
    return tuple(worst[:most]), total


def _thumbnails(draft: Draft, images: figures.Images) -> tuple[FileRecord, ...]:
    records = []
    for number, image in enumerate(images, start=1):
        name = f"mistake_{number:03}.png"
        figures.write_thumbnail(draft.path(name), image)
        records.append(draft.record(name))
    return tuple(records)
