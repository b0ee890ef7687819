import pytest

from runs_to_compare import predictions_of, write_table
from sightline.records import DatasetFiles, Evaluation, Run, RunComparison
from sightline.records.manifest import RunManifest
from sightline.runs import comparison, run_folder

LAST = "20260101T000000Z-textures-tutorial-000000"


@pytest.fixture
def last(run: Run, manifest: RunManifest) -> RunManifest:
    """An earlier run with three mistakes: rows 4, 8 and 20 of 40."""
    published = manifest.model_copy(update={"run_id": LAST})
    folder = run_folder.folder(run.workspace, LAST)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(published.model_dump_json())
    predictions = run.workspace.root / manifest.records.evaluate.predictions.path
    (folder / "predictions.parquet").write_bytes(predictions.read_bytes())
    return published


def predicting(run: Run, evaluation: Evaluation, wrong: list[int]) -> Evaluation:
    write_table(run.workspace.root / "now.parquet", predictions_of(wrong))
    record = evaluation.predictions.model_copy(update={"path": "now.parquet"})
    return evaluation.model_copy(update={"predictions": record})


def compare(run: Run, last: RunManifest, wrong: list[int]) -> RunComparison:
    evaluation = predicting(run, last.records.evaluate, wrong)
    found = comparison.with_last_run(run, last.records.ingest, evaluation)
    assert found is not None
    assert found.run_id == LAST
    return found


def test_newly_right_and_newly_wrong_images_are_counted(run: Run, last: RunManifest) -> None:
    found = compare(run, last, wrong=[4, 30])
    assert (found.fixed, found.broken) == (2, 1)
    assert found.p_value == 1.0
    assert found.accuracy == last.records.evaluate.accuracy


def test_chance_is_that_of_the_exact_test(run: Run, last: RunManifest) -> None:
    # Ten of ten discordant images newly wrong: 2 * (1/2)^10.
    wrong = [4, 8, 20, *range(21, 31)]
    assert compare(run, last, wrong).p_value == pytest.approx(2 / 2**10)


def test_equal_predictions_differ_in_nothing(run: Run, last: RunManifest) -> None:
    found = compare(run, last, wrong=[4, 8, 20])
    assert (found.fixed, found.broken, found.p_value) == (0, 0, 1.0)


def test_other_test_images_are_not_compared_one_by_one(run: Run, last: RunManifest) -> None:
    images = dict(last.records.ingest.images)
    images["test"] = images["test"].model_copy(update={"sha256": "f" * 64})
    files = last.records.ingest.model_copy(update={"images": images})
    found = comparison.with_last_run(run, files, last.records.evaluate)
    assert found is not None
    assert (found.accuracy, found.fixed, found.p_value) == (0.925, None, None)


@pytest.mark.parametrize("content", [b"", b"PAR1 no table", None])
def test_damaged_predictions_of_the_last_run_cost_the_comparison_alone(
    run: Run, last: RunManifest, content: bytes | None
) -> None:
    path = run_folder.folder(run.workspace, LAST) / "predictions.parquet"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert compare(run, last, wrong=[4]).fixed is None


def test_first_run_of_a_data_set_has_nothing_to_be_compared_with(
    run: Run, hostile_files: DatasetFiles, evaluation: Evaluation
) -> None:
    assert comparison.with_last_run(run, hostile_files, evaluation) is None
