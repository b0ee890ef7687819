"""Why a model file is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sightline.errors import ModelFileError
from sightline.storage.text import printable

_LONGEST_REASON = 300


class Refusal(Exception):
    """What is wrong with a model file; continues a sentence that names the file."""


@contextmanager
def refusals(
    path: Path,
    use: str = "as a model",
    remedy: str = "use an unmodified file that Sightline wrote",
) -> Iterator[None]:
    """Raise any exception that a model file causes as a ModelFileError that names the file.

    A hostile file can make zipfile, HDF5 and Keras raise anything. An OSError of failed storage
    passes unchanged; it has an errno, unlike the errors of HDF5.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ModelFileError):
            raise
        if isinstance(error, OSError) and error.errno is not None:
            raise
        kind = "" if isinstance(error, Refusal) else f"{type(error).__name__}: "
        reason = printable((str(error).strip() or "no reason given").splitlines()[0])
        raise ModelFileError(
            f"{path} cannot be used {use}: {kind}{reason[:_LONGEST_REASON].rstrip('. ')}; {remedy}."
        ) from error
