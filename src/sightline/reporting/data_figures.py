"""The figures of the data, which no trained model changes: drawn once for all of them."""

import math
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from itertools import chain
from pathlib import Path

from sightline.data.samples import choose_samples
from sightline.data.split_arrays import open_images
from sightline.data.validation.findings import select_findings
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import Stage
from sightline.records import DatasetFiles, Figures, FileRecord, Neighbors, Run
from sightline.reporting import neighbors
from sightline.reporting.figures import canvas, webp
from sightline.reporting.figures.grid import draw_findings, draw_samples
from sightline.storage.workspace import Workspace

Figure = tuple[str, Callable[[Path], None]]
"""The name of a figure, and the function that draws it to a path."""

NOT_ON_PAGE = frozenset({"mistakes"})
"""Figures of the run folder that the page replaces with thumbnails."""

_FINDINGS, _FINDINGS_BYTES = 24, 32 << 20
"""Most findings that are drawn; fewer if the images are large."""


def draw_data(run: Run, files: DatasetFiles, found: Neighbors | None) -> Figures:
    """Draw examples, findings of the data gate and neighbors; StorageError if the disk is full."""
    key = DRAW_DATA.key(files, found)

    def make(draft: Draft) -> Figures:
        first = chain(samples(run.workspace, files), findings(run.workspace, files))
        near = neighbors.figures(run.workspace, files, found) if found else ()
        drawn = write(draft, chain(first, near))
        return drawn.model_copy(update={"entry": draft.entry})

    return find_or_make(run, DRAW_DATA, key, make)


@contextmanager
def drawn_ahead(run: Run, files: DatasetFiles) -> Iterator[None]:
    """Draw the figures of data without neighbors while the block waits for another process.

    If that fails, whoever needs them draws them again, and learns why.
    """
    with ThreadPoolExecutor(1) as drawing:
        drawing.submit(copy_context().run, draw_data, run, files, None)  # its log is the run's
        yield


DRAW_DATA = Stage(draw_data, ("matplotlib", "pillow"), reads=frozenset({"inspection"}))


def write(draft: Draft, figures: Iterable[Figure]) -> Figures:
    """Draw figures to a draft, as PNG and as WebP for the page."""
    drawn: dict[str, Path] = {}
    encoded = []
    with ThreadPoolExecutor(1) as encoder:  # libwebp works while the next figure is drawn
        for name, draw in figures:
            path = drawn[name] = draft.path(f"{name}.png")
            draw(path)
            if name not in NOT_ON_PAGE and not path.with_suffix(".webp").exists():
                encoded.append(encoder.submit(webp.convert, path))
        for one in encoded:
            one.result()

    def records(found: Callable[[Path], Path], shown: Container[str]) -> dict[str, FileRecord]:
        paths = {name: found(path) for name, path in drawn.items() if name in shown}
        return {name: draft.record(path.name) for name, path in paths.items() if path.exists()}

    shown = drawn.keys() - NOT_ON_PAGE
    return Figures(
        figures=records(Path, drawn),
        page_figures=records(lambda path: path.with_suffix(".webp"), shown),
        dark_figures=records(canvas.dark, shown),
    )


def copy(draft: Draft, workspace: Workspace, figures: Figures) -> Figures:
    """Copy figures of another entry to a draft."""

    def copied(named: dict[str, FileRecord]) -> dict[str, FileRecord]:
        return {name: draft.copy(workspace.path(one.path), one) for name, one in named.items()}

    return Figures(
        figures=copied(figures.figures),
        page_figures=copied(figures.page_figures),
        dark_figures=copied(figures.dark_figures),
        entry=figures.entry,
    )


def samples(workspace: Workspace, files: DatasetFiles) -> Iterator[Figure]:
    """Yield the figure of a few images of each class."""
    chosen, names = choose_samples(workspace, files)
    yield "samples", partial(draw_samples, images=chosen, labels=names)


def findings(workspace: Workspace, files: DatasetFiles) -> Iterator[Figure]:
    """Yield the figure of what the data gate found, if anything."""
    if files.inspection is None:
        return
    most = max(1, min(_FINDINGS, _FINDINGS_BYTES // math.prod(files.image_shape)))
    found = select_findings(workspace.path(files.inspection.findings.path), most)
    if found:
        splits = {name: open_images(workspace, one) for name, one in files.images.items()}
        images = [
            [splits[place.split][[place.index]][0] for place in (one.image, one.other) if place]
            for one in found
        ]
        names = files.class_names
        yield "findings", partial(draw_findings, found=found, images=images, class_names=names)
