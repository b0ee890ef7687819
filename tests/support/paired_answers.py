"""Predictions of two models for the same images, built from counts, and certificates of exports."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import made_runs
from sightline.evaluation.predictions import Predictions
from sightline.records import Certificate, ExportCheck, FileRecord
from sightline.registry.gate.scores import Scores, Timing

Counts = tuple[int, int, int]  # images of a class: fixed, broken, right with both models


def scores(
    *by_class: Counts, names: tuple[str, ...] = (), confidence: float = 0.9, seconds: float = 0.001
) -> Scores:
    """Build predictions from counts by class; the champion's confidence and seconds are fixed."""
    labels, candidate, champion = [], [], []
    for label, (fixed, broken, both) in enumerate(by_class):
        wrong = (label + 1) % len(by_class)
        labels += [label] * (fixed + broken + both)
        candidate += [label] * fixed + [wrong] * broken + [label] * both
        champion += [wrong] * fixed + [label] * (broken + both)
    return Scores(
        class_names=names or tuple(map(str, range(len(by_class)))),
        candidate=predictions(np.array(labels), np.array(candidate), confidence),
        champion=predictions(np.array(labels), np.array(champion), 0.9),
        timing=Timing(candidate_seconds=seconds, champion_seconds=0.001),
    )


def predictions(
    labels: NDArray[Any], predicted: NDArray[Any], confidence: NDArray[np.float32] | float
) -> Predictions:
    """Build predictions; nothing of them but the predicted class and its confidence is used."""
    chosen = np.full(len(labels), confidence, dtype=np.float32)
    rank = np.not_equal(predicted, labels).astype(np.int64)
    return Predictions(np.arange(len(labels)), labels, predicted, chosen, chosen, rank)


def export_check(name: Any, difference: float, *files: FileRecord) -> ExportCheck:
    """Build the check of one exported format, which passes if the difference is at most 1e-5."""
    return ExportCheck(
        format=name,
        files=files,
        runtime=f"{name} 1.0",
        difference=difference,
        agreement=1.0,
        load_seconds=0.1,
        latency_1=0.001,
        latency_256=0.01,
        passed=difference <= 1e-5,
    )


def certificate(**differences: float) -> Certificate:
    """Build a certificate from differences by format; all agree by default."""
    found = differences or {"keras": 0.0, "onnx": 2e-7}
    return Certificate(
        model_sha256="a" * 64,
        weights_sha256="b" * 64,
        golden_images=1000,
        golden_sha256="c" * 64,
        tolerance=1e-5,
        exports=tuple(export_check(*export, made_runs.ANY_FILE) for export in found.items()),
        certificate=made_runs.ANY_FILE,
    )
