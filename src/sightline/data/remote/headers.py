"""The stage survey_files: headers of images behind a URL, kept by the versions of their files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data.decoding.images import EncodedImage, ImageHeader
from sightline.data.decoding.survey import Surveyed, survey
from sightline.data.remote.remote_path import RemotePath
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.provenance import digest_of
from sightline.pipeline.stages import Stage
from sightline.records import ArrayFile, Run, SurveyedFiles
from sightline.storage import npy

_FIELDS = ("height", "width", "grey", "srgb", "deep", "coarse", "peak")  # Of an image, as int64

Images = Callable[[], Iterable[EncodedImage]]


def surveyed(
    files: Sequence[Path], names: Iterable[str], images: Images, *facts: str
) -> Iterator[Surveyed]:
    """Survey the images of some files; those behind a URL only once in each version of the files.

    Args:
        files: The files.
        names: Names of the images, in their order, at least as many as there are.
        images: Starts a stream of the images.
        facts: What else tells which images they are, such as a column.

    Raises errors as `survey`.
    """
    known = [file for file in files if isinstance(file, RemotePath)]
    run = known[0].listing.run if known else None
    if run is None:
        yield from survey(images())
        return
    versions = (part for file in known for part in map(str, file.file))
    found = survey_files(run, digest_of(*versions, *facts), images)
    rows = npy.open_mapped(run.workspace.path(found.headers.path))
    for name, (height, width, *flags, peak) in zip(names, rows.tolist(), strict=False):
        header = ImageHeader((height, width), *map(bool, flags))
        yield Surveyed(name, header, partial(int, peak))


def survey_files(run: Run, files: str, images: Images) -> SurveyedFiles:
    """Survey the images of files that a digest identifies, or reuse the cached result."""

    def make(draft: Draft) -> SurveyedFiles:
        rows = np.array([*map(_row, survey(images()))], np.int64).reshape(-1, len(_FIELDS))
        return SurveyedFiles(headers=_write(draft, rows))

    return find_or_make(run, SURVEY, SURVEY.key(files), make)


SURVEY = Stage(survey_files, ("numpy", "pillow", "pi-heif"))


def _row(one: Surveyed) -> tuple[int, ...]:
    header = one.header
    flags = (header.grey, header.srgb, header.deep, header.coarse)
    return (*header.size, *flags, one.peak() if header.deep else 0)


def _write(draft: Draft, rows: NDArray[np.int64]) -> ArrayFile:
    with npy.ArrayWriter(draft.path("headers.npy"), rows.shape, "int64") as writer:
        writer.append(rows)
    return draft.array_record(writer)
