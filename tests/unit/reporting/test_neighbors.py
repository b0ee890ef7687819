import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from html_page import Page, check_self_contained
from made_runs import file_record
from reported_runs import with_evaluation, with_records
from sightline.config import ReportConfig
from sightline.data.label_table import read_labels
from sightline.evaluation import neighbors
from sightline.evaluation.embedded import Embedded
from sightline.records import NearestClass, Neighbors
from sightline.reporting import page, report


@pytest.fixture
def found(run, hostile_files):
    """Ten training and ten test images: the first of both are equal, one label is flipped."""
    labels = [read_labels(run.workspace, hostile_files, split)[:10] for split in ("train", "test")]
    true = np.concatenate(labels).astype(np.int64)
    features = np.eye(4, 8)[true] * 10 + np.random.default_rng(0).normal(size=(20, 8))
    features[10] = features[0]
    splits = np.repeat(["train", "test"], 10)
    indexes = np.tile(np.arange(10), 2)
    embedded = Embedded(splits, indexes, true, features.astype(np.float32))
    flipped = Embedded(splits, indexes, (true + (np.arange(20) == 3)) % 4, embedded.features)
    nearest = neighbors.find(embedded.features, 3)
    folder = run.workspace.root / "made"
    tables = {
        "near_duplicates": neighbors.near_duplicates(embedded, nearest, 0.9999),
        "contradicted_labels": neighbors.contradictions(flipped, nearest, 4),
        "map": neighbors.project(embedded, 15),
    }
    for name, table in tables.items():
        indexes = {one: table[one].to_pylist() for one in table.column_names if "index" in one}
        files = {
            one.replace("index", "source"): [f"{number}.png" for number in numbers]
            for one, numbers in indexes.items()
        }
        named = pa.table(dict(zip(table.column_names, table.columns, strict=True)) | files)
        pq.write_table(named, folder / f"{name}.parquet")
    closest = NearestClass(class_name=hostile_files.class_names[0], other="b", share=0.25)
    return Neighbors(
        images=20,
        similarity=0.9999,
        near_duplicates=tables["near_duplicates"].num_rows,
        leaks=1,
        contradicted_labels=tables["contradicted_labels"].num_rows,
        nearest_classes=(closest,),
        tables={name: file_record(folder / f"{name}.parquet", "made/") for name in tables},
    )


def test_section_shows_pairs_labels_and_a_map(
    run, manifest, found, hostile_files, blueprint, trained, evaluation
):
    evaluation = evaluation.model_copy(update={"neighbors": found})
    drawn = report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig())
    assert found.near_duplicates == 1
    assert found.contradicted_labels == 1
    assert {"near_duplicates", "contradicted_labels", "map_thumbnails"} <= drawn.figures.keys()
    with Image.open(run.workspace.root / drawn.figures["map_thumbnails"].path) as sheet:
        assert sheet.size == (20 * 64, 64)
    changed = with_evaluation(with_records(manifest, report=drawn), neighbors=found)
    html = page.render_html(run.workspace, changed)
    shown = Page(html)
    check_self_contained(shown)
    assert "neighbors" in shown.ids()
    assert [hostile_files.class_names[0], "b", "25.0%"] in shown.rows
    spans = [one for one in shown.attributes("span") if one.get("class", "").startswith("point")]
    table = pq.read_table(run.workspace.root / found.tables["map"].path).to_pylist()
    assert len(spans) == len(table) == 15
    for span, row in zip(spans, table, strict=True):
        assert ("tested" in span["class"]) == (row["split"] == "test")
        assert f"left:{100 * row['x']:.1f}%" in span["style"]
        name = hostile_files.class_names[row["label"]]
        assert f"{name}, {row['split']} {row['index']}.png" in shown.text
    assert "<script>alert" not in html
    plain = Page(page.render_html(run.workspace, manifest))
    assert "neighbors" not in plain.ids()
