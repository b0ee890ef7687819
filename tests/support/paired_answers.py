"""Answers of two models to the same images, made from counts; and exports that agree or not."""

from typing import Any

import numpy as np

from sightline.records import Certificate, ExportCheck, FileRecord
from sightline.registry.gate.scores import Answers, Scores

Counts = tuple[int, int, int]
"""Images of a class that are fixed, that are broken, and that both have right."""


def scores(*by_class: Counts, names: tuple[str, ...] = (), **changed: Any) -> Scores:
    """Make the answers of a candidate and a champion from counts, class by class."""
    labels, candidate, champion = [], [], []
    for label, (fixed, broken, both) in enumerate(by_class):
        wrong = (label + 1) % len(by_class)
        labels += [label] * (fixed + broken + both)
        candidate += [label] * fixed + [wrong] * broken + [label] * both
        champion += [wrong] * fixed + [label] * (broken + both)
    return Scores(
        labels=np.array(labels, dtype=np.int64),
        class_names=names or tuple(str(number) for number in range(len(by_class))),
        candidate=answers(candidate, **changed),
        champion=answers(champion),
    )


def answers(predicted: list[int], confidence: float = 0.9, seconds: float = 0.001) -> Answers:
    probability = np.full(len(predicted), confidence, dtype=np.float32)
    return Answers(np.array(predicted, dtype=np.int64), probability, seconds)


def certificate(**differences: float) -> Certificate:
    """Make a certificate of exported forms, each with its difference; all agree unless told."""
    file = FileRecord(path="exports/model", sha256="e" * 64, bytes=1)
    return Certificate(
        model_sha256="a" * 64,
        weights_sha256="b" * 64,
        golden_images=1000,
        golden_sha256="c" * 64,
        tolerance=1e-5,
        exports=tuple(
            ExportCheck(
                format=name,
                files=(file,),
                runtime="a runtime 1.0",
                difference=difference,
                agreement=1.0,
                load_seconds=0.1,
                latency_1=0.001,
                latency_256=0.1,
                passed=difference <= 1e-5,
            )
            for name, difference in (differences or {"keras": 0.0, "onnx": 2e-7}).items()
        ),
        certificate=file,
    )
