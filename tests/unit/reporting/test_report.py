from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sightline.config import ReportConfig
from sightline.data.validation import findings
from sightline.errors import InputError
from sightline.evaluation import predictions_table
from sightline.records import (
    DatasetFiles,
    Evaluation,
    FileRecord,
    ModelBlueprint,
    Run,
    TrainedModel,
)
from sightline.reporting import report
from sightline.storage.digests import sha256


def test_worst_mistakes_are_the_surest_first_and_then_by_index(
    run: Run,
    hostile_files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
) -> None:
    result = report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig())
    assert [mistake.index for mistake in result.mistakes] == [8, 20, 4]
    assert result.mistakes_total == 3
    assert "findings" not in result.figures  # nothing is odd about these images
    assert {mistake.predicted for mistake in result.mistakes} == {"b"}
    assert result.mistakes[0].label == hostile_files.class_names[0]
    assert round(result.mistakes[0].probability, 4) == 0.9
    assert round(result.mistakes[0].label_probability, 4) == 0.0333
    assert len(result.thumbnails) == 3


def test_pictures_are_written_to_the_cache(
    run: Run,
    hostile_files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
) -> None:
    result = report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig())
    for record in (*result.figures.values(), *result.thumbnails):
        assert (run.workspace.root / record.path).read_bytes().startswith(b"\x89PNG")


def test_findings_are_drawn_where_there_are_any(
    run: Run,
    hostile_files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
) -> None:
    table = run.workspace.root / "findings.parquet"
    examples = findings.ExampleIndex(
        ("train", "test"),
        (160, 40),
        np.repeat(np.array([0, 1], np.int8), [160, 40]),
        np.zeros(200, np.int16),
        run.workspace.root / hostile_files.labels.path,
    )
    leak = findings.FindingRows("leak", np.array([163]), np.array([7]), np.array([0]))
    findings.write_findings(table, [leak, findings.FindingRows("blank", np.array([5]))], examples)
    record = FileRecord(path=table.name, sha256=sha256(table), bytes=table.stat().st_size)
    assert hostile_files.inspection is not None
    inspection = hostile_files.inspection.model_copy(update={"findings": record})
    files = hostile_files.model_copy(update={"inspection": inspection})
    found = report.report(run, files, blueprint, trained, evaluation, ReportConfig(mistakes=0))
    assert (run.workspace.root / found.figures["findings"].path).read_bytes().startswith(b"\x89PNG")


def test_number_of_mistakes_can_be_limited(
    run: Run,
    hostile_files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
) -> None:
    for most in (0, 1):
        settings = ReportConfig(mistakes=most)
        result = report.report(run, hostile_files, blueprint, trained, evaluation, settings)
        assert len(result.mistakes) == len(result.thumbnails) == most
        assert result.mistakes_total == 3


def test_second_call_finds_the_pictures_and_draws_nothing(
    run: Run,
    hostile_files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig())
    monkeypatch.delattr(report, "draw_curves")
    assert (
        report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig()) == first
    )
    with pytest.raises(NameError):
        report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig(mistakes=1))


def test_block_borders_change_nothing(
    run: Run,
    hostile_files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig())
    monkeypatch.setattr(predictions_table, "_BLOCK_VALUES", 4 * 3)  # three rows of four classes
    again = run.model_copy(update={"id": "again", "refresh": True})
    assert (
        report.report(again, hostile_files, blueprint, trained, evaluation, ReportConfig()) == whole
    )


def test_flawless_model_still_gets_its_pictures(
    run: Run,
    hostile_files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
) -> None:
    path = run.workspace.root / evaluation.predictions.path
    table = pq.read_table(path)
    right = table.filter(table["label"].to_numpy() == table["predicted"].to_numpy())
    pq.write_table(right.set_column(0, "index", [range(len(right))]), path)
    result = report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig())
    assert (result.mistakes, result.thumbnails, result.mistakes_total) == ((), (), 0)
    assert (run.workspace.root / result.figures["mistakes"].path).exists()


def test_damaged_predictions_are_noticed(
    run: Run,
    hostile_files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
) -> None:
    path = run.workspace.root / evaluation.predictions.path
    table = pq.read_table(path)
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    flip_middle_of_column(path, "probability_1")
    with pytest.raises(InputError, match="CRC"):
        report.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig())


def flip_middle_of_column(path: Path, name: str) -> None:
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    column = next(column for column in columns if column.path_in_schema == name)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    path.write_bytes(content)
