import os
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from excerpts import CONFIG, excerpt, publish, with_recipe
from sightline.errors import InputError
from sightline.experiments import query
from sightline.experiments.query import Order, RunFilter
from sightline.storage.workspace import Workspace

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def root(tmp_path):
    """Four runs, a day apart from 2026-11-24 on."""
    publish(
        tmp_path,
        excerpt("one", accuracy=0.97, loss=0.3, seconds=9, dataset="mnist"),
        excerpt("two", accuracy=0.99, loss=0.1, seconds=5, dataset="fashion-mnist"),
        excerpt("three", accuracy=0.98, loss=0.2, seconds=7, config=with_recipe(CONFIG, "fast")),
        excerpt("four", accuracy=0.99, loss=0.4, seconds=5, dataset="zoo"),
    )
    return tmp_path


def names(root, order=Order.TIME, *, reverse=False, **selected):
    by_time = reverse and order is Order.TIME
    found = query.read(Workspace(root), RunFilter(**selected), pytest.fail, oldest_first=by_time)
    return " ".join(run.run_id for run in query.sort(found, order, reverse=reverse))


@pytest.mark.parametrize(
    ("order", "expected", "reversed_order"),
    [
        (Order.TIME, "four three two one", "one two three four"),
        (Order.ACCURACY, "four two three one", "one three four two"),
        (Order.LOSS, "two three one four", "four one three two"),
        (Order.SECONDS, "four two three one", "one three four two"),
        (Order.DATASET, "two three one four", "four three one two"),
        (Order.RECIPE, "three four two one", "four two one three"),
    ],
)
def test_runs_are_sorted_and_equal_ones_stay_newest_first(root, order, expected, reversed_order):
    assert names(root, order) == expected
    assert names(root, order, reverse=True) == reversed_order


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ({"datasets": frozenset({"mnist", "zoo"})}, "four three one"),
        ({"recipe": "fast"}, "three"),
        ({"since": datetime(2026, 11, 26, tzinfo=UTC)}, "four three"),
        ({"min_accuracy": 0.98}, "four three two"),
        ({"run_ids": frozenset({"one", "gone"})}, "one"),
        ({"recipe": "tutorial", "min_accuracy": 0.98}, "four two"),
        ({"recipe": "unknown"}, ""),
    ],
)
def test_only_selected_runs_are_read(root, selected, expected):
    assert names(root, **selected) == expected


def test_by_time_no_more_runs_are_read_than_are_shown(root):
    path = root / "runs" / "two" / "manifest.json"
    path.write_bytes(b"never read")
    os.utime(path, (0, 0))
    found = query.read(Workspace(root), RunFilter(), pytest.fail)
    newest = islice(query.sort(found, Order.TIME, reverse=False), 2)
    assert [run.run_id for run in newest] == ["four", "three"]


def test_damaged_run_is_reported_and_skipped(root):
    path = root / "runs" / "two" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"accuracy": 0.99', b'"accuracy": 0.98', 1))
    errors: list[InputError] = []
    found = [run.run_id for run in query.read(Workspace(root), RunFilter(), errors.append)]
    assert found == ["four", "three", "one"]
    (error,) = errors
    assert "two/manifest.json" in str(error)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:30", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
        ("2026-11-01T08:30+02:00", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        (" 7d ", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
        ("4w", NOW - timedelta(weeks=4)),
    ],
)
def test_since_is_a_time_or_an_age(text, moment):
    assert query.parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "d", "-7d", "999999w", "2026-13-01", "7m"])
def test_other_forms_of_time_are_refused(text):
    with pytest.raises(InputError, match="--since"):
        query.parse_since(text, NOW)
