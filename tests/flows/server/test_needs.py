from datetime import UTC, datetime, timedelta

import pytest

from sightline.flows.server import needs
from sightline.flows.server.status import Overview, Row
from sightline.records import ScoringStatus
from sightline.records.health import Health
from sightline.reporting import status_page
from sightline.storage import files
from sightline.storage.workspace import Workspace

LONG_AGO = datetime.now(UTC) - timedelta(days=45)
DRIFT = ScoringStatus(
    name="inbox",
    data="/srv/inbox",
    created=LONG_AGO,
    model="mnist-v2",
    images=1000,
    drift=True,
    page="/srv/monitoring.html",
)
READY = Row("deployment", "train/train-nightly", "ready", "next none; last none")


def find(tmp_path, rows=(READY,), **champion):
    champions = [Health(**{"dataset": "mnist", "champion": "mnist-v2"} | champion)]
    return needs.find(Workspace(tmp_path), Overview(tuple(rows), can_run=True), champions)


def test_nothing_is_needed_where_all_is_well(tmp_path):
    assert find(tmp_path, refused=2, registered=datetime.now(UTC)) == ()
    assert find(tmp_path, [Row("deployment", "train/train-nightly", "paused", "")]) == ()


@pytest.mark.parametrize(
    ("rows", "champion", "problem", "remedy"),
    [
        ([READY], {"damages": ("models/x: expected a, found b",)}, "damaged: models/x", "rollback"),
        ([READY], {"refused": 3, "decision": "v5 refused: no"}, "3 candidates.*v5 ref", "history"),
        ([READY], {"registered": LONG_AGO}, "mnist-v2 was registered 45 days ago", "history"),
        ([READY], {"scores": (DRIFT,)}, "inbox", "monitoring.html"),
        (
            [Row("deployment", name, "no worker on gpu", "") for name in ("a/b", "fit/fit-gpu")],
            {},
            "pool gpu: a/b, fit/fit-gpu",
            "sightline ops worker --pool gpu",
        ),
        (
            [READY, Row("failed", "train/train-nightly", "Crashed", "night: No sign of life")],
            {},
            "train-nightly ended as Crashed. night: No sign of life",
            "prefect deployment run 'train/train-nightly'",
        ),
        (
            [READY, Row("failed", "fit/fit-gpu", "Failed", "fit: No GPU")],
            {},
            "fit/fit-gpu ended as Failed. fit: No GPU",
            "repeat the run that it worked for",  # by hand, it lacks its parameters
        ),
        ([READY, Row("late", "night", "Late", "pool cpu")], {}, "night is late", "worker"),
    ],
)
def test_each_problem_has_a_sentence_and_a_command(tmp_path, rows, champion, problem, remedy):
    (found,) = find(tmp_path, rows, **champion)
    assert all(part in found.problem for part in problem.split(".*"))
    assert remedy in found.remedy


def test_little_room_on_the_disk_is_a_need(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "free_bytes", lambda _: 10**9)
    (found,) = find(tmp_path)
    assert "1.0 GB" in found.problem


def test_page_shows_what_is_needed_and_escapes_it(tmp_path):
    path = tmp_path / "status.html"
    champion = Health(
        dataset="mnist",
        champion="mnist-v2",
        registered=LONG_AGO,
        accuracy=0.9845,
        accuracy_interval=(0.98, 0.99),
        decision="mnist-v3 refused: <b>worse</b>",
    )
    next_one = [("train/train-nightly", datetime(2026, 11, 30, 2, tzinfo=UTC))]
    rows = [("failed", "train/<i>", "Failed", "<script>alert(1)</script>")]
    status_page.write(path, "/srv/a", [champion], [("<u>Old</u>.", "do <that>")], next_one, rows)
    html = path.read_text()
    assert not any(tag in html for tag in ("<b>worse", "<i>", "<u>", "<script>alert"))
    for text in ("One thing needs you", "98.45%", "2026-11-30 02:00 UTC", "do &lt;that&gt;"):
        assert text in html
    assert "45 days ago" in html
