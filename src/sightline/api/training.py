"""Train from Python."""

from collections.abc import Mapping
from typing import Any

from sightline.api.command import PathLike, run_command
from sightline.api.listing import load
from sightline.api.run import Run


def train(
    dataset: PathLike = "mnist-5k",
    recipe: str = "auto",
    *,
    settings: Mapping[str, Any] | None = None,
    artifacts: PathLike | None = None,
    data_dir: PathLike | None = None,
    mirror: str | None = None,
    run_id: str | None = None,
    refresh: bool = False,
    progress: bool | None = None,
    **keys: Any,
) -> Run:
    """Train and evaluate a classifier and write its report, as `sightline train` does.

    Stages whose inputs did not change come from the cache. The pipeline runs in a process of its
    own. Interrupt it (Ctrl-C, or the kernel's interrupt) and train the same again: it continues
    from its last checkpoint.

    Args:
        dataset: Path of your own images, or name of a data set (`sightline datasets list`). A
            `Path` is never taken for a name.
        recipe: Named config to start from, or the path of a TOML file (`sightline config init`
            writes one); `"auto"` chooses it from the images.
        settings: Config keys that override the recipe's, dotted or nested:
            `{"training.epochs": 3}` or `{"training": {"epochs": 3}}`.
        artifacts: Folder of the cache, runs and models. Default: the environment variable
            `SIGHTLINE_ARTIFACTS`, or `artifacts` in the working folder.
        data_dir: Folder with local copies of named data sets; then nothing is downloaded. Default:
            `SIGHTLINE_DATA_DIR`.
        mirror: URL to download from instead of the public mirrors. Default: `SIGHTLINE_MIRROR`.
        run_id: ID of the run. Default: time, data set and recipe.
        refresh: Whether to ignore the cache and rerun every stage.
        progress: Whether to print what happens, with a line an epoch. Default: in a notebook.
        **keys: Config keys by their last part or a usual name: `epochs=3`, `lr=0.001`.

    Returns:
        The finished run.

    Raises:
        ConfigError: A key or a value is wrong.
        DataError: The data set is missing, damaged, or refused by the data gate.
        InputError: Something else that you can change; see `sightline.errors`.
        RunError: A stage failed.
        KeyboardInterrupt: The training was interrupted; its checkpoint is kept.
    """
    run = {
        "artifacts": artifacts,
        "data_dir": data_dir,
        "mirror": mirror,
        "id": run_id,
        "refresh": refresh,
    }
    both = {**(settings or {}), **keys}
    summary = run_command("train", dataset, recipe, both, run=run, progress=progress)
    return load(summary["run_id"], artifacts=artifacts)
