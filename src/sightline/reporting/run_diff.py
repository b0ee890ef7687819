"""The page that compares two runs: one file that loads nothing."""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sightline.data.split_arrays import open_images
from sightline.errors import InputError
from sightline.experiments import verify
from sightline.pipeline import entry_store
from sightline.records.difference import Flip, RunDifference
from sightline.records.manifest import RunManifest
from sightline.reporting import page, run_diff_rows
from sightline.reporting.figures.curves import History, draw_both_curves
from sightline.reporting.figures.thumbnail import write_thumbnail
from sightline.storage import files
from sightline.storage.workspace import Workspace

_WATCHED = ("val_accuracy", "val_loss")  # Curves that are missing without a validation split
Pair = tuple[RunManifest, RunManifest]
Shown = list[tuple[Flip, bytes | None]]
"""Examples, each with its image; None if it is unavailable."""


def write(path: Path, workspace: Workspace, pair: Pair, found: RunDifference) -> None:
    """Write the page, completely or not at all. Raises StorageError, also if `path` is no file."""
    html = render(workspace, pair, found)
    with files.new_output(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def render(workspace: Workspace, pair: Pair, found: RunDifference) -> str:
    """Render the page as HTML; class names and all other text from the user is escaped."""
    curves, no_curves = _curves(workspace, pair)
    broken, fixed, no_images = _examples(workspace, pair, found)
    return page.render(
        "difference.html.j2",
        found=found,
        rows=run_diff_rows,
        curves=curves,
        no_curves=no_curves,
        broken=broken,
        fixed=fixed,
        no_images=no_images,
        thumbnail_source=page.embedded,
        figure_source=lambda png: page.embedded(png, page.FIGURE_DENSITY),
    )


def _curves(workspace: Workspace, pair: Pair) -> tuple[bytes | None, str]:
    """Draw the histories; if one cannot be read, return the reason."""
    try:
        histories = [_history(workspace, run) for run in pair]
    except InputError as error:
        return None, str(error)
    return _drawn(lambda path: draw_both_curves(path, *histories)), ""


def _drawn(draw: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "figure")
        draw(path)
        return path.read_bytes()


def _history(workspace: Workspace, run: RunManifest) -> History:
    path = verify.intact_file(workspace, run, "history.parquet")
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        watched = [name for name in _WATCHED if name in table.column_names]
        if not table.num_rows:
            raise ValueError("it has no epochs")
        columns = ("epoch", "accuracy", "loss", *watched)
        return {name: table[name].to_numpy().astype(float) for name in columns}
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as a history: {error}.") from None


def _examples(workspace: Workspace, pair: Pair, found: RunDifference) -> tuple[Shown, Shown, str]:
    """Find the images of broken and fixed examples; if they are unavailable, say why."""
    if found.flips is None:
        return [], [], ""
    broken, fixed = found.flips.broken_examples, found.flips.fixed_examples
    examples, missing = [*broken, *fixed], ""
    images: Sequence[bytes | None] = [None] * len(examples)
    try:
        if examples:
            images = _thumbnails(workspace, pair, [one.index for one in examples])
    except InputError as error:
        missing = (
            f"The images are not shown because the cache no longer has them: {error} "
            "A training with the same data restores them."
        )
    shown = list(zip(examples, images, strict=True))
    return shown[: len(broken)], shown[len(broken) :], missing


def _thumbnails(workspace: Workspace, pair: Pair, rows: list[int]) -> list[bytes]:
    """Read test images from the first intact cache entry. Raises InputError without one."""
    missing: InputError | None = None
    for record in dict.fromkeys(run.records.ingest.images["test"] for run in pair):
        path = workspace.root / record.path
        try:
            entry_store.fetch(workspace, record)
            verify.check_file(path, record)
            images = open_images(workspace, record)[rows]
            return [_drawn(partial(write_thumbnail, image=image)) for image in images]
        except InputError as error:
            missing = missing or error
        except (OSError, ValueError, IndexError, TypeError) as error:
            missing = missing or InputError(f"{path} cannot be read as images: {error}.")
    raise missing or InputError("The runs record no test images.")
