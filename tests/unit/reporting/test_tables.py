from typing import Any

from sightline.records import Check, DataGateResult, ProfileChange
from sightline.reporting import tables


def check(name: str, outcome: Any, measured: float | None) -> Check:
    return Check(name=name, outcome=outcome, measured=measured, limit=0.01, sentence="Found.")


VERDICT = DataGateResult(
    checks=(
        check("leaks", "warned", 0.00012),
        check("missing_classes", "passed", 0),
        check("drift", "passed", None),
        check("blank", "off", 0.5),
    ),
    compared_with="yesterday",
    changes=(ProfileChange(split="train", figure="images", before=59_000, now=60_000),),
)


def test_measures_are_written_in_their_unit() -> None:
    rows = tables.check_rows(VERDICT)
    assert [row.measured for row in rows] == ["0.012%", "0", "", "50%"]
    assert [row.limit for row in rows] == ["1%", "0.01", "0.01", "1%"]
    assert [row.odd for row in rows] == [True, False, False, False]


def test_moves_are_written() -> None:
    assert tables.move_rows(VERDICT) == [("train", "images", "59,000", "60,000")]


def test_summary_names_the_checks_that_warned() -> None:
    assert tables.summary(VERDICT) == "1 of 3 checks warned: leaks"
    assert tables.summary(DataGateResult(checks=VERDICT.checks[1:])) == "all 2 checks passed"
