"""Predict any number of images in bounded memory."""

from collections.abc import Sequence
from pathlib import Path

from sightline.errors import InputError
from sightline.pipeline.process import keras_process
from sightline.prediction import inputs
from sightline.prediction.records import Outcome, Request, ServedModel, TableFormat
from sightline.records import Run
from sightline.storage import files
from sightline.storage.store_url import is_url

SHARD_IMAGES = 10_000  # Images of a shard, about
_FORMATS: dict[str, TableFormat] = {".parquet": "parquet", ".csv": "csv"}


def predict(
    paths: Sequence[str],
    model: ServedModel,
    output: Path | None = None,
    abstain_below: float = 0.0,
    run: Run | None = None,
    shard_images: int = SHARD_IMAGES,
    on_ray: bool = False,
) -> Outcome:
    """Predict image files, folders of them, NPY and Parquet files, or what lies behind URLs.

    With a run, more than `shard_images` image files are predicted in shards, which stay in the
    cache of its workspace: the same call continues one that was interrupted. `on_ray` has the nodes
    of the Ray cluster of this machine predict them first, and raises errors as `predict_on_ray`.

    Writes or replaces `output`, Parquet or CSV by its suffix, at the end; the row of an unreadable
    image has the reason. The model abstains below the probability `abstain_below`, 0 to 1. Raises
    DataError for an input, InputError for the output's name, ModelFileError for the model's file,
    and StorageError if the output cannot be written.
    """
    for path in paths:
        inputs.check(path)
    table_format = _format(output, paths) if output else "parquet"
    keras_process().start()  # imports Keras while folders are counted
    found = tuple(inputs.describe(path) for path in paths)
    request = Request(
        inputs=found,
        model=model,
        abstain_below=abstain_below,
        format=table_format,
        shard_images=shard_images,
    )
    if on_ray and run is not None and request.has_shards:
        from sightline.prediction.on_ray import predict_on_ray

        predict_on_ray(request, run)
    if output is None:
        return keras_process().run(predict_request, request, run)
    # Created in this process, so that no partial file stays if the Keras process dies.
    with files.new_output(output) as temporary:
        to_file = request.model_copy(update={"table": str(temporary.absolute())})
        outcome = keras_process().run(predict_request, to_file, run)
    return outcome.model_copy(update={"output": str(output)})


def predict_request(request: Request, run: Run | None = None) -> Outcome:
    """Predict images and write the predictions. Runs in the Keras process."""
    from sightline.prediction import keras_side  # imports Keras

    return keras_side.predict(request, run=run)


def _format(output: Path, paths: Sequence[str]) -> TableFormat:
    inputs.check_text(str(inputs.absolute(str(output))))
    found = _FORMATS.get(output.suffix.lower())
    if found is None:
        raise InputError(
            f"The output {output} has an unknown format; expected a name that ends with .parquet "
            "or .csv."
        )
    if output.is_dir():
        raise InputError(f"The output {output} is a folder; give the name of a file.")
    for path in paths:
        if not is_url(path) and output.exists() and output.samefile(inputs.absolute(path)):
            raise InputError(f"The output {output} would replace an input; choose another name.")
    return found
