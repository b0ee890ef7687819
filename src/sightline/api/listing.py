"""Past runs: list them, and load one."""

import logging
from typing import TYPE_CHECKING

from sightline import registry
from sightline.api.command import PathLike, open_workspace
from sightline.api.run import Run
from sightline.experiments import query, run_folder
from sightline.experiments.query import RunFilter

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)


def runs(*, artifacts: PathLike | None = None) -> "pd.DataFrame":
    """List the runs, the last published first, as `sightline runs list` does.

    Args:
        artifacts: As for `train`.

    Returns:
        One row a run. The index is the run ID, which `load` takes; the columns are `created` (UTC),
        `dataset`, `recipe`, `accuracy` (0 to 1), `loss` (nats), `parameters` and `seconds`. Runs
        that cannot be read are left out with a warning in the log.
    """
    import pandas as pd

    def skip(error: Exception) -> None:
        _log.warning("Skipped: %s", error)

    columns = ("created", "dataset", "recipe", "accuracy", "loss", "parameters", "seconds")
    found = {
        run.run_id: (
            run.created,
            run.records.ingest.dataset,
            run.config.recipe,
            run.records.evaluate.accuracy,
            run.records.evaluate.loss,
            run.records.build.parameters,
            run.total_seconds,
        )
        for run in query.read(open_workspace(artifacts), RunFilter(), skip)
    }
    index = pd.Index(found, name="run", dtype="object")
    return pd.DataFrame(list(found.values()), columns=columns, index=index)


def load(
    run: str = "latest", *, dataset: str | None = None, artifacts: PathLike | None = None
) -> Run:
    """Load a finished run.

    Args:
        run: `"latest"`, a run ID, its first characters or its short ID; or `"champion"`,
            `"candidate"` or a version such as `"mnist-v3"`, for the run of that model.
        dataset: Data set of the champion or candidate, if several data sets have one.
        artifacts: As for `train`.

    Raises:
        InputError: No run matches, or several do, or its manifest is damaged.
    """
    workspace = open_workspace(artifacts)
    if registry.is_name(run):
        run = registry.resolve(workspace, run, dataset).run_id
    return Run(workspace, run_folder.read(workspace, run))
