"""Variants of a run's manifest for the tests of the reports, and how they read its sentences."""

import re
from typing import Any

from sightline.records import (
    Calibration,
    CorruptionMetrics,
    FileRecord,
    LabelErrors,
    ReliabilityBin,
    Report,
    Robustness,
    Temperature,
)
from sightline.records.manifest import RunManifest

NO_FIGURES = Report(figures={}, thumbnails=(), mistakes=(), mistakes_total=3)
"""For tests that show no figures, since drawing takes seconds."""

FILE = FileRecord(path="made/file", sha256="e" * 64, bytes=1)

IN_DEPTH: dict[str, Any] = {
    "calibration": Calibration(
        bins=(
            ReliabilityBin(low=0, high=0.5, images=10, confidence=0.4, accuracy=1.0),
            ReliabilityBin(low=0.5, high=1, images=30, confidence=0.99, accuracy=0.9),
        ),
        error=0.09,
        temperature=Temperature(
            temperature=1.25, validation_images=50, loss=0.1, calibration_error=0.0123
        ),
    ),
    "robustness": Robustness(
        images=20,
        accuracy=0.95,
        corruptions=(
            CorruptionMetrics(corruption="blur", accuracies=(0.9, 0.8, 0.7, 0.6, 0.5)),
            CorruptionMetrics(corruption="noise", accuracies=(0.3, 0.2, 0.15, 0.15, 0.15)),
        ),
    ),
    "label_errors": LabelErrors(examined=160, found=7, threshold=0.95, table=FILE),
}
"""Everything that an evaluation may measure beyond the basics."""


def with_records(manifest: RunManifest, **changes: Any) -> RunManifest:
    """Change results of stages."""
    records = manifest.records.model_copy(update=changes)
    return manifest.model_copy(update={"records": records})


def with_evaluation(manifest: RunManifest, **changes: Any) -> RunManifest:
    """Change what the evaluation measured."""
    return with_records(manifest, evaluate=manifest.records.evaluate.model_copy(update=changes))


def numbers(sentence: str) -> list[str]:
    """List the numbers in a sentence, with their percent signs."""
    return re.findall(r"\d[\d,.]*%?(?<![.,])", sentence)
