"""The page of scored images over time: one file that loads nothing."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sightline.evaluation.intervals import wilson
from sightline.records import LiveAccuracy, ScoringCheck, ScoringStatus
from sightline.reporting import page
from sightline.reporting.table import MOST_ROWS, Cell, Table, interval

WIDTH, HEIGHT = 460, 110  # Pixels of a chart
_MARGIN = 8
_MOST_CHECKS = 90  # The last ones are drawn
_MOST_CLASSES = 20


class Point(NamedTuple):
    """A check in a chart; pixels from the upper left corner."""

    x: float
    y: float
    text: str
    is_weak: bool = False


class Chart(NamedTuple):
    """A line over the checks."""

    name: str
    points: tuple[Point, ...]
    top: str  # Label of the upper end of the axis; the lower end is 0
    limit: float | None = None  # Place of a horizontal line
    limit_text: str = ""


class Share(NamedTuple):
    """The share of a class in a check, as a field of the map of classes."""

    x: float
    width: float
    share: float  # Its opacity
    text: str


def render(status: ScoringStatus, checks: Sequence[ScoringCheck]) -> str:
    """Render the page as HTML, from at least one check, the oldest first; text is escaped."""
    shown = checks[-_MOST_CHECKS:]
    return page.render(
        "monitoring.html.j2",
        status=status,
        checks=checks,
        last=checks[-1],
        size={"width": WIDTH, "height": HEIGHT},
        drifts=_drifts(shown),
        shares=_shares(shown, status.live),
        classes=_classes(shown),
        measures=_measures(checks[-1]),
        days=_days(checks, status.live),
    )


def _across(number: int, count: int) -> float:
    return round(_MARGIN + (number + 0.5) * (WIDTH - 2 * _MARGIN) / count, 1)


def _down(share: float) -> float:
    return round(_MARGIN + (1 - share) * (HEIGHT - 2 * _MARGIN), 1)


def _title(check: ScoringCheck, value: str) -> str:
    return f"{check.created:%Y-%m-%d %H:%M}, {check.model}, {check.images:,} images: {value}"


def _drifts(checks: Sequence[ScoringCheck]) -> list[Chart]:
    """Draw the size of each measure over all checks."""
    names = dict.fromkeys(one.name for check in checks for one in check.measures)
    charts = []
    for name in names:
        found = [
            (number, check, one)
            for number, check in enumerate(checks)
            for one in check.measures
            if one.name == name
        ]
        limit = found[-1][2].limit
        top = max(2 * limit, *(one.size for *_, one in found)) or 1.0
        points = tuple(
            Point(
                _across(number, len(checks)),
                _down(one.size / top),
                _title(check, one.sentence),
                one.drift,
            )
            for number, check, one in found
        )
        charts.append(Chart(name, points, f"{top:.2g}", _down(limit / top), f"limit {limit:g}"))
    return charts


def _shares(checks: Sequence[ScoringCheck], live: LiveAccuracy | None) -> list[Chart]:
    """Draw confidence and abstention of each check, and the live accuracy of its day."""
    values = {
        "Mean confidence": [check.confidence for check in checks],
        "Abstained": [check.abstained / check.images for check in checks],
    }
    charts = [_share_chart(name, list(enumerate(one)), checks) for name, one in values.items()]
    days = {f"{check.created:%Y-%m-%d}": number for number, check in enumerate(checks)}
    found = [
        (days[day], correct / images)
        for day, (correct, images) in (live.days if live else {}).items()
        if day in days
    ]
    if live and found:
        limit, text = _down(live.test_accuracy), f"test {live.test_accuracy:.1%}"
        chart = _share_chart("Live accuracy", found, checks)
        charts.append(chart._replace(limit=limit, limit_text=text))
    return charts


def _share_chart(
    name: str, values: Sequence[tuple[int, float]], checks: Sequence[ScoringCheck]
) -> Chart:
    points = (
        Point(_across(number, len(checks)), _down(value), _title(checks[number], f"{value:.1%}"))
        for number, value in values
    )
    return Chart(name, tuple(points), "100%")


def _classes(checks: Sequence[ScoringCheck]) -> dict[str, list[Share]]:
    """Return the share of the most frequent classes in each check."""
    counts: Counter[str] = Counter()
    for check in checks:
        counts.update(check.classes)
    width = (WIDTH - 2 * _MARGIN) / len(checks)
    return {
        name: [
            Share(
                round(_MARGIN + number * width, 1),
                round(max(1.0, width - 1), 1),
                share := check.classes.get(name, 0) / max(1, sum(check.classes.values())),
                _title(check, f"{name} {share:.1%}"),
            )
            for number, check in enumerate(checks)
        ]
        for name, _ in counts.most_common(_MOST_CLASSES)
    }


def _measures(check: ScoringCheck) -> Table:
    """List the measures of a check."""
    rows = [
        (
            one.name,
            Cell(f"{one.size:.4f}", weak=one.drift),
            f"{one.limit:g}",
            f"{one.p_value:.2g}",
            "yes" if one.drift else "no",
        )
        for one in check.measures
    ]
    return Table("Measures", "tnnnt", ("Measure", "Size", "Limit", "p", "Drift"), rows)


def _days(checks: Sequence[ScoringCheck], live: LiveAccuracy | None) -> Table:
    """List what was scored each day, the last one first."""
    by_day: dict[str, list[ScoringCheck]] = {}
    for check in checks:
        by_day.setdefault(f"{check.created:%Y-%m-%d}", []).append(check)
    rows = []
    for day, found in reversed(by_day.items()):
        images, failed, abstained = (
            sum(getattr(check, name) for check in found)
            for name in ("images", "failed", "abstained")
        )
        confidence = sum(check.confidence * (check.images - check.failed) for check in found)
        drifted = dict.fromkeys(m.name for check in found for m in check.measures if m.drift)
        rows.append(
            (
                day,
                ", ".join(dict.fromkeys(check.model for check in found)),
                f"{images:,}",
                f"{failed:,}",
                f"{abstained / images:.1%}",
                f"{confidence / max(1, images - failed):.1%}",
                _live(live, day),
                Cell(", ".join(drifted) or "none", weak=bool(drifted)),
            )
        )
    columns = ("Day", "Model", "Images", "Unreadable", "Abstained", "Confidence", "Live accuracy")
    return Table("Days", "ttnnnnnt", (*columns, "Drift"), rows[:MOST_ROWS])


def _live(live: LiveAccuracy | None, day: str) -> Cell | str:
    correct, images = (live.days if live else {}).get(day, (0, 0))
    if not images:
        return ""
    return Cell(
        f"{correct / images:.1%}", f"{images:,} labels, {interval(wilson(correct, images))}"
    )
