import re
from datetime import UTC, datetime, timedelta

import pytest

from browser import check_no_barrier
from sightline.records import DriftMeasure, LiveAccuracy, ScoringCheck, ScoringStatus
from sightline.reporting import monitoring_page

HOSTILE = "<script>alert(1)</script>"
START = datetime(2026, 11, 1, 3, tzinfo=UTC)


def check(number, *, drift):
    size = 0.3 if drift else 0.03
    measure = DriftMeasure(name="features", size=size, limit=0.1, p_value=0.002, drift=drift)
    return ScoringCheck(
        id=str(number),
        created=START + timedelta(days=number),
        model="clothes-v3",
        model_sha256="0" * 64,
        images=100,
        failed=2,
        abstained=5,
        classes={HOSTILE: 40, "coat": 58},
        confidence=0.9,
        parts=(),
        compared=98,
        measures=(measure,),
        false_alarm_rate=0.01,
    )


@pytest.fixture(scope="module")
def html():
    found = [check(0, drift=False), check(1, drift=True)]
    live = LiveAccuracy(
        model="clothes-v3",
        images=50,
        correct=30,
        interval=(0.46, 0.72),
        unmatched=0,
        unknown_class=0,
        test_images=1000,
        test_accuracy=0.9,
        test_interval=(0.88, 0.92),
        p_value=1e-6,
        days={"2026-11-02": (30, 50)},
    )
    status = ScoringStatus(
        name="inbox",
        data=f"s3://bucket/{HOSTILE}",
        created=START,
        model="clothes-v3",
        images=200,
        drift=True,
        drift_since=found[1].created,
        measures=found[1].measures,
        live=live,
        page="_monitoring.html",
    )
    return monitoring_page.render(status, found)


def test_page_shows_each_check_escapes_text_and_loads_nothing(html):
    assert "Yes, since 2026-11-02: <strong>features 0.300 (limit 0.1, p 0.002)</strong>" in html
    assert "worse beyond chance" in html
    assert html.count('r="5"') == 1, "the check with drift"
    assert "50 labels, 46.18% to 72.39%" in html
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;alert(1)") > 2
    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", html)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_no_barriers_and_fits_a_phone(html, browser, tmp_path, scheme):
    (tmp_path / "page.html").write_text(html)
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.goto((tmp_path / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    check_no_barrier(page)
    page.close()
