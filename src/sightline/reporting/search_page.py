"""The page of a hyperparameter search: one file that loads nothing."""

import math
from pathlib import Path
from typing import NamedTuple

from sightline.experiments.search.setup import METRICS
from sightline.experiments.search.space import Dimension, Value
from sightline.experiments.search.study import Study, folder
from sightline.experiments.search.trial import SearchTrial
from sightline.records import RunSummary
from sightline.reporting import page
from sightline.reporting.table import Cell, Table
from sightline.storage import files, sync
from sightline.storage.workspace import Workspace

WIDTH, HEIGHT, TOP = 940, 260, 34  # Pixels of the axes, and of the room above them
_MARGIN = 60
_TICKS = 8  # Most labels of an axis


class Axis(NamedTuple):
    """A vertical axis; pixels from the upper left corner."""

    name: str
    across: float
    ticks: tuple[tuple[float, str], ...]  # Place and label


class Line(NamedTuple):
    """One trial as a line over all axes, or as a point of the history."""

    points: tuple[tuple[float, float], ...]
    share: float  # 0 for the worst trial, 1 for the best; it is the opacity
    is_best: bool
    is_complete: bool
    text: str


def write(workspace: Workspace, study: Study, run: RunSummary | None = None) -> Path:
    """Write the page beside the study and return its path; `run` is that of the best trial."""
    path = folder(workspace, study.name) / "tune.html"
    html = render(study, run)
    with workspace.storage_errors(), files.new_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
    sync.push_file(workspace, path.relative_to(workspace.root).as_posix())
    return path


def render(study: Study, run: RunSummary | None = None) -> str:
    """Render the page as HTML; all text from the user is escaped."""
    trials, best = study.trials(), study.best()
    shown = [one for one in trials if _value(one) is not None]
    axes = _axes(study, shown)
    return page.render(
        "search.html.j2",
        study=study,
        run=run,
        best=best,
        trials=trials,
        axes=axes,
        lines=_lines(study, shown, best),
        history=_history(study, shown, best),
        size={"width": WIDTH, "height": HEIGHT, "top": TOP},
        importances=study.importances(),
        table=_table(study, trials),
        seconds=sum(one.seconds for one in trials),
        cpu_seconds=sum(one.cpu_seconds for one in trials),
    )


def _value(trial: SearchTrial) -> float | None:
    value = trial.metric if trial.metric is not None or not trial.epochs else trial.epochs[-1]
    return value if value is not None and math.isfinite(value) else None


def _is_complete(trial: SearchTrial) -> bool:
    return trial.state == "complete"


def _range(study: Study, shown: list[SearchTrial]) -> Dimension:
    values = [_value(one) or 0.0 for one in shown] or [0.0]
    low, high = min(values), max(values)
    low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
    return Dimension(key=study.setup.metric, kind="uniform", low=low, high=high)


def _place(dimension: Dimension, value: Value) -> float:
    """Return where a value is on its axis, in pixels from the top."""
    if dimension.choices:
        share = dimension.choices.index(str(value)) / max(1, len(dimension.choices) - 1)
    else:
        scale = math.log if dimension.kind == "log" else float
        low, high = scale(dimension.low), scale(dimension.high)
        share = (scale(float(value)) - low) / (high - low)
    return round(TOP + (1 - share) * HEIGHT, 1)


def _axes(study: Study, shown: list[SearchTrial]) -> list[Axis]:
    dimensions = [*study.setup.space, _range(study, shown)]
    axes = []
    for number, one in enumerate(dimensions):
        ends = [(one.low, f"{one.low:.4g}"), (one.high, f"{one.high:.4g}")]
        labels = [(choice, choice[:12]) for choice in one.choices[:_TICKS]] or ends
        ticks = tuple((_place(one, value), label) for value, label in labels)
        name = one.key.rpartition(".")[2]
        axes.append(Axis(name, _across(number, len(dimensions)), ticks))
    return axes


def _across(number: int, count: int) -> float:
    return round(_MARGIN + number * (WIDTH - 2 * _MARGIN) / max(1, count - 1), 1)


def _lines(study: Study, shown: list[SearchTrial], best: SearchTrial | None) -> list[Line]:
    dimensions = [*study.setup.space, _range(study, shown)]
    lines = []
    for trial, share in _ranked(study, shown):
        values = [*(trial.values[one.key] for one in study.setup.space), _value(trial) or 0.0]
        points = tuple(
            (_across(number, len(dimensions)), _place(one, value))
            for number, (one, value) in enumerate(zip(dimensions, values, strict=True))
        )
        lines.append(Line(points, share, trial == best, _is_complete(trial), _title(study, trial)))
    return sorted(lines, key=lambda line: (line.is_best, line.share))


def _history(study: Study, shown: list[SearchTrial], best: SearchTrial | None) -> list[Line]:
    axis = _range(study, shown)
    return [
        Line(
            ((_across(trial.number, len(study.trials())), _place(axis, _value(trial) or 0.0)),),
            share,
            trial == best,
            _is_complete(trial),
            _title(study, trial),
        )
        for trial, share in _ranked(study, shown)
    ]


def _ranked(study: Study, shown: list[SearchTrial]) -> list[tuple[SearchTrial, float]]:
    """Pair each trial with its share of the others that are worse."""
    sign = 1 if METRICS[study.setup.metric] == "maximize" else -1
    order = sorted(shown, key=lambda one: sign * (_value(one) or 0.0))
    ranks = {one.number: rank / max(1, len(order) - 1) for rank, one in enumerate(order)}
    return [(one, ranks[one.number]) for one in shown]


def _title(study: Study, trial: SearchTrial) -> str:
    return f"Trial {trial.number}, {trial.state}: {study.setup.metric} {_value(trial):.4f}"


def _table(study: Study, trials: list[SearchTrial]) -> Table:
    keys = [one.key for one in study.setup.space]
    rows: list[list[Cell | str]] = [
        [
            str(one.number),
            *(str(one.values[key]) for key in keys),
            "" if (value := _value(one)) is None else f"{value:.4f}",
            str(one.last_epoch),
            f"{one.seconds:.1f}",
            f"{one.cpu_seconds:.1f}",
            Cell(one.state, note=one.message, weak=one.state in {"failed", "diverged"}),
        ]
        for one in trials
    ]
    names = [key.rpartition(".")[2] for key in keys]
    columns = ["Trial", *names, study.setup.metric, "Epochs", "Seconds", "CPU seconds", "State"]
    return Table("Trials", f"n{'n' * len(keys)}nnnnt", columns, rows)
