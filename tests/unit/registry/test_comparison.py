import numpy as np

from made_runs import write_table
from runs_to_promote import promote, publish
from sightline.records import Run
from sightline.registry import comparison


def table(*wrong):
    """Return the columns of the predictions of eight images in two classes."""
    rows = np.arange(8)
    labels = rows % 2
    predicted = np.where(np.isin(rows, wrong), 1 - labels, labels)
    probabilities = np.where(predicted, 0.9, 0.1).astype(np.float32)
    columns = {"index": rows, "label": labels, "predicted": predicted}
    return columns | {"probability_0": 1 - probabilities, "probability_1": probabilities}


def test_run_is_compared_with_the_champion_even_if_other_runs_came_later(root, workspace):
    now = publish(root, "now").records
    run = Run(id="next", workspace=workspace)
    assert comparison.with_champion(run, now.ingest, now.evaluate) is None
    promote(root, "best")
    publish(root, "last")
    write_table(workspace.path("runs/best/predictions.parquet"), table(0, 2, 5))
    record = write_table(root / "now.parquet", table(0, 6))
    evaluation = now.evaluate.model_copy(update={"predictions": record})
    found = comparison.with_champion(run, now.ingest, evaluation)
    assert (found.run_id, found.accuracy, found.fixed, found.broken) == ("best", 0.99, 2, 1)
    workspace.path("runs/best/manifest.json").write_text("{}")
    assert comparison.with_champion(run, now.ingest, evaluation) is None
