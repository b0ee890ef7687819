"""How two runs differ, as rows of text for the terminal and the page."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.filesize import decimal

from sightline.records import StageTime
from sightline.records.difference import Measure, RunDifference

_NONE = "none"


class Row(NamedTuple):
    """One figure of A and of B as text, with intervals and the difference where they are known."""

    name: str
    a: str
    b: str
    change: str = ""
    a_between: str = ""
    b_between: str = ""


def measures(found: Sequence[Measure]) -> list[Row]:
    """Write what was measured on the test split: accuracy, loss, calibration error, top-k."""
    return [_measure(one) for one in found]


def sizes(found: RunDifference) -> list[Row]:
    """Write what the models take and what their trainings took."""
    a, b = found.a, found.b
    counts = {
        "parameters": (a.parameters, b.parameters),
        "epochs": (a.epochs, b.epochs),
        "test images": (a.test_images, b.test_images),
    }
    return [
        *(Row(name, f"{x:,}", f"{y:,}", _signed(y - x)) for name, (x, y) in counts.items()),
        Row("model file", decimal(a.model_bytes), decimal(b.model_bytes)),
        Row(
            "training images a second",
            f"{a.images_per_second:,.0f}",
            f"{b.images_per_second:,.0f}",
            _factor(a.images_per_second, b.images_per_second),
        ),
        Row(
            "whole run",
            f"{a.total_seconds:,.1f} s",
            f"{b.total_seconds:,.1f} s",
            _factor(a.total_seconds, b.total_seconds),
        ),
    ]


def stages(found: RunDifference) -> list[Row]:
    """Write how long each stage took in both, in seconds."""
    a, b = found.a.stages, found.b.stages
    names = [*a, *(name for name in b if name not in a)]
    return [Row(name, _time(a.get(name)), _time(b.get(name))) for name in names]


def points(difference: float) -> str:
    """Write a difference of two shares in points: hundredths."""
    return f"{100 * difference:+.2f} points"


def _measure(one: Measure) -> Row:
    is_loss = one.name == "loss"
    change = ""
    if one.a is not None and one.b is not None:
        change = f"{one.b - one.a:+.4f}" if is_loss else points(one.b - one.a)
    return Row(
        one.name,
        _figure(one.a, is_loss=is_loss),
        _figure(one.b, is_loss=is_loss),
        change,
        _between(one.a_interval, is_loss=is_loss),
        _between(one.b_interval, is_loss=is_loss),
    )


def _figure(value: float | None, *, is_loss: bool) -> str:
    if value is None:
        return _NONE
    return f"{value:.4f}" if is_loss else f"{value:.2%}"


def _between(interval: tuple[float, float] | None, *, is_loss: bool) -> str:
    if interval is None:
        return ""
    return " to ".join(_figure(end, is_loss=is_loss) for end in interval)


def _time(stage: StageTime | None) -> str:
    if stage is None:
        return _NONE
    return f"{stage.seconds:,.1f}{' (cached)' if stage.cached else ''}"


def _signed(difference: int) -> str:
    return f"{difference:+,}" if difference else "0"


def _factor(before: float, now: float) -> str:
    return f"\N{MULTIPLICATION SIGN}{now / before:.2f}" if before else ""
