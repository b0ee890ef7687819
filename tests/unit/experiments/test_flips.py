import pytest

from made_runs import write_file, write_table
from runs_to_compare import predictions_of, publish
from sightline.experiments import flips


@pytest.fixture
def last(workspace, dataset):
    """An earlier run with three of 40 images wrong."""
    return publish(workspace.root, "last", dataset, [4, 8, 20])


def compare(run, last, wrong):
    record = write_table(run.workspace.root / "now.parquet", predictions_of(wrong))
    evaluation = last.records.evaluate.model_copy(update={"predictions": record})
    found = flips.with_last_run(run, last.records.ingest, evaluation)
    assert (found.run_id, found.accuracy) == ("last", last.records.evaluate.accuracy)
    return found


def test_flips_have_mcnemars_exact_p_value_unless_predictions_are_damaged(run, last):
    ten_heads = 2 / 2**10  # the chance that ten coins show the same side
    for wrong, expected in (
        ([4, 30], (2, 1, 1.0)),
        ([4, 8, 20], (0, 0, 1.0)),
        ([4, 8, 20, *range(21, 31)], (0, 10, ten_heads)),
    ):
        found = compare(run, last, wrong)
        assert (found.fixed, found.broken, found.p_value) == pytest.approx(expected)
    write_file(run.workspace.root, "runs/last/predictions.parquet", b"PAR1 no table")
    assert compare(run, last, wrong=[4]).fixed is None


def test_only_runs_of_the_same_data_are_compared(run, last):
    files = last.records.ingest
    other_images = files.model_copy(update={"content_digests": {"test": "f" * 64}})
    found = flips.with_last_run(run, other_images, last.records.evaluate)
    assert (found.accuracy, found.fixed, found.p_value) == (0.925, None, None)
    zoo = files.model_copy(update={"dataset": "zoo"})
    assert flips.with_last_run(run, zoo, last.records.evaluate) is None
