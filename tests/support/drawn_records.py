"""Records that figures draw, with the names and numbers that a test gives."""

from collections.abc import Iterable

from sightline.records import (
    ArrayFile,
    CorruptionMetrics,
    CoveragePoint,
    Layer,
    Mistake,
    ModelBlueprint,
    Robustness,
    ThresholdCurves,
)

FILE = ArrayFile(path="a", sha256="a" * 64, bytes=1, shape=(1,), dtype="float32")


def mistakes(names: Iterable[str]) -> list[Mistake]:
    """Take each class for the one of the same place from the end."""
    made = list(names)
    return [
        Mistake(index=n, label=name, predicted=made[-n - 1], probability=0.9, label_probability=0.1)
        for n, name in enumerate(made)
    ]


def network(names: Iterable[str], shape: tuple[int, ...], parameters: int) -> ModelBlueprint:
    layers = [
        Layer(name=name, kind=name, output_shape=shape, parameters=parameters) for name in names
    ]
    return ModelBlueprint(
        architecture=FILE,
        summary=FILE,
        layers=tuple(layers),
        parameters=parameters,
        image_shape=(12, 12, 1),
        num_classes=4,
    )


def robustness(names: Iterable[str], *accuracies: float) -> Robustness:
    rows = [CorruptionMetrics(corruption=name, accuracies=accuracies) for name in names]
    return Robustness(images=1000, accuracy=0.98, corruptions=tuple(rows))


def coverage(shares: Iterable[float]) -> list[CoveragePoint]:
    return [
        CoveragePoint(threshold=number / 10, coverage=share, accuracy=0.9)
        for number, share in enumerate(shares)
    ]


def areas(roc: Iterable[float | None], precision: Iterable[float | None]) -> ThresholdCurves:
    return ThresholdCurves(
        roc_auc=0.8,
        average_precision=0.7,
        class_roc_auc=tuple(roc),
        class_average_precision=tuple(precision),
        points=FILE,
    )
