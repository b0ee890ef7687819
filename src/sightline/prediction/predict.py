"""Predictions for any number of images, in bounded memory.

inputs   -> Input     what was given, and how many images there are
served   -> Served    the model, by alias, version, run or file
serving  -> Outcome   the stream, inside of the Keras process
    stream, npy       blocks of images, read and decoded ahead
    likeness          whether they look like the training images
    table             the file of predictions
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sightline.errors import InputError
from sightline.pipeline.process import keras_process
from sightline.prediction import inputs
from sightline.prediction.model import find
from sightline.prediction.records import Outcome, Prediction, Request, Served
from sightline.storage import files

__all__ = ["Outcome", "Prediction", "Served", "find", "predict"]

_FORMS: dict[str, Literal["parquet", "csv"]] = {".parquet": "parquet", ".csv": "csv"}


def predict(
    given: Sequence[str], served: Served, output: Path | None = None, abstain_below: float = 0.0
) -> Outcome:
    """Predict images and write the predictions.

    Args:
        given: Paths of image files, folders of them, NPY and Parquet files.
        served: The model, see `find`.
        output: Parquet or CSV file to write, by its ending; one that is there is replaced, once
            all is done. None writes none.
        abstain_below: Smallest probability of an answer, 0 to 1.

    Returns:
        What came of it, with the first predictions. An image that cannot be read is counted, and
        its row tells why.

    Raises:
        DataError: There is no such input, or nothing in it can be read.
        InputError: The output cannot be of that name.
        ModelFileError: The model's file is damaged or another one.
        StorageError: There is no room for the output, or it cannot be written.
    """
    for path in given:
        inputs.check(path)
    form = _form(output, given) if output else "parquet"
    keras_process().start()  # it imports Keras while folders are counted
    found = tuple(inputs.recognise(path) for path in given)
    request = Request(inputs=found, served=served, abstain_below=abstain_below, form=form)
    if output is None:
        return _ask(request)
    # Made here: whatever happens to the Keras process, nothing half made stays.
    with files.new_output(output) as temporary:
        outcome = _ask(request.model_copy(update={"table": str(temporary.absolute())}))
    return outcome.model_copy(update={"output": str(output)})


def _ask(request: Request) -> Outcome:
    return keras_process().run(predict_request, request)


def predict_request(request: Request) -> Outcome:
    """Predict images and write the predictions. Runs in the Keras process."""
    from sightline.prediction import keras_side  # imports Keras

    return keras_side.predict(request)


def _form(output: Path, given: Sequence[str]) -> Literal["parquet", "csv"]:
    inputs.check_text(str(inputs.absolute(str(output))))
    form = _FORMS.get(output.suffix.lower())
    if form is None:
        raise InputError(
            f"The output {output} would be of an unknown format; expected a name that ends with "
            ".parquet or .csv."
        )
    if output.is_dir():
        raise InputError(f"The output {output} is a folder; give the name of a file.")
    for path in given:
        if output.exists() and output.samefile(inputs.absolute(path)):
            raise InputError(f"The output {output} would replace an input; choose another name.")
    return form
