from datetime import timedelta

import pytest

from made_runs import write
from reported_runs import NO_FIGURES, with_evaluation
from sightline.reporting import page, trend
from sightline.storage.workspace import Workspace


@pytest.fixture
def pictures():
    return NO_FIGURES


@pytest.fixture
def publish(tmp_path, manifest):
    """Publish an earlier run, so many hours before, and with an accuracy."""

    def publish(hours, accuracy, **changes):
        measured = {"accuracy": accuracy, "accuracy_interval": (accuracy - 0.1, accuracy + 0.05)}
        created = manifest.created - timedelta(hours=hours)
        run_id = f"{created:%Y%m%dT%H%M%SZ}-textures-fast-abcdef"
        known = {"run_id": run_id, "created": created} | changes
        write(tmp_path, with_evaluation(manifest, **measured).model_copy(update=known))

    return publish


def test_runs_stand_in_order_of_time_with_their_intervals(tmp_path, manifest, publish):
    for hours, accuracy in ((2, 0.5), (1, 0.7)):
        publish(hours, accuracy)
    publish(-1, 0.1)  # a later run
    publish(3, 0.1, repeats=manifest.run_id)
    found = trend.find(Workspace(tmp_path), manifest)
    low, high = manifest.records.evaluate.accuracy_interval
    assert (found.low, found.high) == (pytest.approx(0.4), high)
    oldest, middle, last = found.points
    assert oldest.across < middle.across < last.across <= trend.WIDTH
    assert oldest.down > middle.down > last.down
    assert (oldest.bottom - oldest.top) / (last.bottom - last.top) == pytest.approx(
        0.15 / (high - low), rel=0.01
    )
    assert "50.00% (40.00% to 55.00%)" in oldest.text
    assert "92.50%" in last.text


def test_page_draws_a_point_for_each_run(tmp_path, manifest, publish):
    for hours in (1, 2):
        publish(hours, 0.5)
    found = trend.find(Workspace(tmp_path), manifest)
    drawn = page.render("trend.html.j2", trend=found, files=manifest.records.ingest)
    assert drawn.count("<circle") == drawn.count("<line") == 3
    assert all(f"<title>{point.text}</title>" in drawn for point in found.points)


def test_fewer_than_two_earlier_runs_show_no_trend(tmp_path, manifest, publish):
    publish(1, 0.5)
    assert trend.find(Workspace(tmp_path), manifest) is None


def test_many_runs_are_cut_to_the_last_ones(tmp_path, manifest, publish):
    for hours in range(1, 16):
        publish(hours, 0.5)
    found = trend.find(Workspace(tmp_path), manifest)
    assert len(found.points) == 12
