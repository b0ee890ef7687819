"""How two runs differ, as tables for the terminal and the page."""

from collections.abc import Iterable, Sequence

from rich.filesize import decimal

from sightline.evaluation.overall import is_share
from sightline.records import StageTime
from sightline.records.difference import Measure, RunDifference, Setting
from sightline.reporting.table import MOST_ROWS, NONE, Cell, Table, interval


def measures(found: Sequence[Measure]) -> Table:
    """List what was measured on the test split: accuracy, loss, calibration error, top-k."""
    return Table("Metric", "tnnn", ("Metric", "A", "B", "Change"), [_measure(one) for one in found])


def sizes(found: RunDifference) -> Table:
    """List the sizes of the models and the effort of their trainings."""
    a, b = found.a, found.b
    counts = (
        ("parameters", a.parameters, b.parameters),
        ("epochs", a.epochs, b.epochs),
        ("test images", a.test_images, b.test_images),
    )
    speeds = (
        ("training images per second", a.images_per_second, b.images_per_second, "{:,.0f}"),
        ("total time", a.total_seconds, b.total_seconds, "{:,.1f} s"),
    )
    rows = [
        *((name, f"{x:,}", f"{y:,}", f"{y - x:+,}" if x != y else "0") for name, x, y in counts),
        ("model file", decimal(a.model_bytes), decimal(b.model_bytes), ""),
        *((name, form.format(x), form.format(y), _factor(x, y)) for name, x, y, form in speeds),
    ]
    return Table("Size and speed", "tnnn", ("Size and speed", "A", "B", "Change"), rows)


def classes(found: RunDifference) -> Table:
    """List recall and F1 of the classes, the largest change of F1 first."""
    pairs = sorted(found.classes, key=lambda pair: -abs(pair.b.f1 - pair.a.f1))
    rows: list[tuple[Cell | str, ...]] = [
        (
            pair.a.class_name,
            *(Cell(f"{one.recall:.2%}", interval(one.recall_interval)) for one in (pair.a, pair.b)),
            points(pair.b.recall - pair.a.recall),
            f"{pair.a.f1:.4f}",
            f"{pair.b.f1:.4f}",
            Cell(f"{pair.b.f1 - pair.a.f1:+.4f}", weak=pair.b.f1 < pair.a.f1),
        )
        for pair in pairs[:MOST_ROWS]
    ]
    more = len(pairs) - MOST_ROWS
    return Table(
        "Classes",
        "tnnnnnn",
        ("Class", "Recall, A", "Recall, B", "Change", "F1, A", "F1, B", "Change"),
        rows,
        left_out=f"{more:,} more classes, which changed less, are left out." if more > 0 else "",
    )


def settings(name: str, found: Iterable[Setting]) -> Table:
    """List settings or facts that differ."""
    rows = [(row.key, row.a or "not set", row.b or "not set") for row in found]
    return Table(name, "ccc", ("Key", "A", "B"), rows)


def digests(found: RunDifference) -> Table:
    """List the digests of data, code, lock file, environment and weights."""
    rows: list[tuple[Cell | str, ...]] = [
        (
            row.name,
            Cell("yes" if row.equal else "no", weak=not row.equal),
            *(f"{str(digest)[:16]}…" if digest else NONE for digest in (row.a, row.b)),
        )
        for row in found.provenance
    ]
    return Table("Digests", "ttcc", ("Digest", "Equal", "A", "B"), rows)


def stages(found: RunDifference) -> Table:
    """List the seconds of each stage."""
    a, b = found.a.stages, found.b.stages
    rows = [(name, _time(a.get(name)), _time(b.get(name))) for name in dict.fromkeys((*a, *b))]
    total = ("Total", *(f"{run.total_seconds:,.1f}" for run in (found.a, found.b)))
    return Table("Stages", "tnn", ("Stage", "A, s", "B, s"), rows, total)


def points(difference: float) -> str:
    """Write a difference of two shares in percentage points."""
    return f"{100 * difference:+.2f} points"


def _measure(one: Measure) -> tuple[str, Cell, Cell, str]:
    form = "{:.2%}" if is_share(one.name) else "{:.4f}"
    a, b = (
        Cell(
            NONE if value is None else form.format(value),
            " to ".join(map(form.format, ends)) if ends else "",
        )
        for value, ends in ((one.a, one.a_interval), (one.b, one.b_interval))
    )
    if one.a is None or one.b is None:
        return one.name, a, b, ""
    return one.name, a, b, points(one.b - one.a) if is_share(one.name) else f"{one.b - one.a:+.4f}"


def _time(stage: StageTime | None) -> str:
    if stage is None:
        return NONE
    return f"{stage.seconds:,.1f}{' (cached)' if stage.cached else ''}"


def _factor(before: float, now: float) -> str:
    return f"\N{MULTIPLICATION SIGN}{now / before:.2f}" if before else ""
