import pytest
from markdown_it import MarkdownIt

from reported_runs import NO_FIGURES, with_records
from sightline.records import (
    ArrayFile,
    Check,
    DataGateResult,
    OperatingPoint,
    ProfileChange,
    ThresholdCurves,
)
from sightline.reporting import metric_tables, tables
from sightline.reporting.page import markdown_table
from sightline.reporting.table import NONE, Cell, Table


@pytest.fixture
def pictures():
    return NO_FIGURES


def check(name, outcome, measured):
    return Check(name=name, outcome=outcome, measured=measured, limit=0.01, sentence="Found.")


GATE = DataGateResult(
    checks=(
        check("leaks", "warned", 0.00012),
        check("missing_classes", "passed", 0),
        check("drift", "skipped", None),
        check("blank", "off", 0.5),
    ),
    compared_with="yesterday",
    changes=(ProfileChange(split="train", figure="images", before=59_000, now=60_000),),
)


def test_measures_are_written_in_their_unit():
    rows = tables.checks(GATE).rows
    assert [row[2:4] for row in rows] == [
        ("0.012%", "1%"),
        ("0", "0.01"),
        ("", "0.01"),
        ("50%", "1%"),
    ]
    assert [isinstance(row[1], Cell) and row[1].weak for row in rows] == [True, False, False, False]


def test_drift_is_written_with_both_values():
    assert tables.drift(GATE).rows == [("train", "images", "59,000", "60,000")]


def test_measures_of_the_whole_split_are_listed_with_their_intervals(manifest):
    evaluation = manifest.records.evaluate.model_copy(
        update={"macro_f1": 0.9, "intervals": {"macro F1": (0.85, 0.94)}}
    )
    rows = metric_tables.overall(evaluation).rows
    assert rows[0] == ("Accuracy", "92.50%", "80.14% to 97.42%")
    assert ("Macro F1", "0.9000", "0.8500 to 0.9400") in rows
    assert ("Loss (cross-entropy, nats)", "0.1234", "") in rows
    assert ("Reference: majority class", "25.00%", "") in rows


def test_weakest_class_comes_first(manifest):
    rows = metric_tables.class_metrics(manifest.records.evaluate).rows
    assert [row[0] for row in rows[:3]] == ["d", "c", "b"]


CURVES = ThresholdCurves(
    roc_auc=0.75,
    average_precision=0.5,
    class_roc_auc=(0.5, None, 0.75, 1.0),
    class_average_precision=(0.25, None, 0.5, 0.75),
    points=ArrayFile(path="a", sha256="a" * 64, bytes=1, shape=(2, 4, 201), dtype="float32"),
)


def test_operating_points_stand_in_the_column_of_their_target(manifest):
    shares = {"threshold": 0.125, "precision": 0.75, "recall": 0.96875}
    points = tuple(
        OperatingPoint(class_name="d", goal=goal, target=target, **shares)
        for goal, target in (("recall", 0.95), ("precision", 0.9))
    )
    curves = CURVES.model_copy(update={"operating_points": points})
    measured = manifest.records.evaluate.model_copy(update={"threshold_curves": curves})
    by_recall = metric_tables.operating_points(measured, "recall")
    assert by_recall.columns[2] == "Precision at recall 95%"
    assert [*map(str, by_recall.rows[0])] == ["d", NONE, "75.00% (from 0.1250)", NONE]
    by_precision = metric_tables.operating_points(measured, "precision")
    assert by_precision.columns[1] == "Recall at precision 90%"
    assert [*map(str, by_precision.rows[0])] == ["d", "96.88% (from 0.1250)", NONE, NONE]
    bare = manifest.records.evaluate.model_copy(update={"threshold_curves": None})
    assert metric_tables.operating_points(bare, "recall").rows == []


def test_areas_stand_beside_their_class_in_every_order(manifest):
    measured = manifest.records.evaluate.model_copy(update={"threshold_curves": CURVES})
    table = metric_tables.class_metrics(measured)
    assert table.columns[5:7] == ("ROC AUC", "AP")
    areas = {row[0]: row[5:7] for row in table.rows}
    assert areas["d"] == ("1.0000", "0.7500")
    assert areas["b"] == (NONE, NONE)


def test_every_class_is_listed_with_its_label(manifest):
    names = tuple(f"class {number}" for number in range(120))
    counts = {"train": tuple(range(120)), "test": (7,) * 120}
    files = manifest.records.ingest.model_copy(update={"class_names": names, "counts": counts})
    rows = tables.class_counts(with_records(manifest, ingest=files)).rows
    assert rows[119] == ("class 119", "119", "119", "7")


def test_only_mistakes_are_confusions(manifest):
    (row,) = metric_tables.confusions(manifest.records.evaluate).rows
    assert row[1:] == ("b", "3", "30.00%")


def test_records_have_a_text_per_column():
    table = Table("T", "tn", ("Name", "Share"), [("a", Cell("1%", "0% to 2%"))])
    assert table.records() == [{"Name": "a", "Share": "1% (0% to 2%)"}]


def test_markdown_keeps_hostile_text_in_its_cell_and_leaves_images_out():
    hostile = "`a` | <b>*x*</b>\n[y](z)"
    table = Table(
        "T",
        "ticn",
        ("Name", "Examples", "Digest", "Images"),
        [(hostile, hostile, "ab12", Cell("7", "note"))],
        ("All", "", "", "7"),
        "1 more row is in metrics.json.",
    )
    tokens = MarkdownIt().enable("table").parse(markdown_table(table))
    inline = ["".join(c.content for c in t.children or []) for t in tokens if t.type == "inline"]
    hostile = " ".join(hostile.split())
    assert inline[:3] == ["Name", "Digest", "Images"]
    assert inline[3:6] == [hostile, "ab12", "7 (note)"]
    assert inline[-1] == table.left_out
    assert "link_open" not in {child.type for token in tokens for child in token.children or []}


def test_table_without_headings_is_headed_by_its_name():
    assert markdown_table(Table("Digests", "tc", (), [("Data", "ab")])).splitlines() == [
        "| Digests |  |",
        "| --- | --- |",
        "| Data | `ab` |",
    ]


def test_digests_name_the_installed_packages_where_there_is_no_lock_file(manifest):
    installed = {"environment": {"packages": {"count": 84, "sha256": "d" * 64}}}
    expected = {
        ("Lock file, SHA-256", "a" * 64): {"lock_sha256": "a" * 64},
        ("List of the 84 installed packages, SHA-256", "d" * 64): installed,
        ("Lock file, SHA-256", NONE): {},
    }
    for row, known in expected.items():
        assert row in tables.digests(manifest.model_copy(update=known)).rows
