"""What the report shows of the nearest neighbors of the images: figures, a table and a map."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from sightline.data.split_arrays import open_images
from sightline.data.validation.findings import Finding, Place
from sightline.records import DatasetFiles, Evaluation, Neighbors
from sightline.reporting.figures import webp
from sightline.reporting.figures.canvas import GREY, ORANGE, save_both
from sightline.reporting.figures.grid import Images, Line, draw_findings, draw_grid
from sightline.reporting.table import MOST_ROWS, Table, left_out
from sightline.storage.workspace import Workspace

_MOST_PAIRS, _MOST_LABELS = 12, 12
"""Most pairs and labels that are drawn; the tables have all."""

_TILE, _COLORS = 64, 128
"""Pixels of a thumbnail of the map, and colors of all of them in the PNG."""

_COLUMNS = 20
_LEGEND = 20  # Most classes with an entry in the legend


class Point(NamedTuple):
    """An image on the map; numbers are in percent of the map, and pixels of all thumbnails."""

    left: str
    top: str
    hue: int  # Of its class, in degrees
    tested: bool
    caption: str
    offset: str  # Where its thumbnail is, as CSS


class _Inputs(NamedTuple):
    workspace: Workspace
    files: DatasetFiles
    neighbors: Neighbors

    def rows(self, table: str, most: int | None = None) -> list[dict[str, Any]]:
        path = self.workspace.root / self.neighbors.tables[table].path
        with pq.ParquetFile(path, page_checksum_verification=True) as file:  # needs no pandas
            return list(file.read().slice(0, most).to_pylist())

    def image(self, row: dict[str, Any], prefix: str = "") -> Images:
        """Read one image, (height, width, channels)."""
        stored = open_images(self.workspace, self.files.images[row[f"{prefix}split"]])
        image: Images = stored[[row[f"{prefix}index"]]][0]
        return image


def figures(
    workspace: Workspace, files: DatasetFiles, neighbors: Neighbors
) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Yield the names of the figures, and the functions that draw them to a path."""
    inputs = _Inputs(workspace, files, neighbors)
    if neighbors.near_duplicates:
        yield "near_duplicates", partial(_draw_pairs, inputs=inputs)
    if neighbors.contradicted_labels:
        yield "contradicted_labels", partial(_draw_contradictions, inputs=inputs)
    yield "map_thumbnails", partial(_write_thumbnails, inputs=inputs)


def nearest_classes(neighbors: Neighbors) -> Table:
    """List for each class the one that its neighbors belong to most often."""
    found = neighbors.nearest_classes
    rows = [(row.class_name, row.other, f"{row.share:.1%}") for row in found[:MOST_ROWS]]
    columns = ("Class", "Nearest class", "Of its neighbors")
    more = left_out(len(found), "classes", "metrics.json")
    return Table("Nearest classes", "ttn", columns, rows, left_out=more)


def points(workspace: Workspace, files: DatasetFiles, evaluation: Evaluation) -> list[Point]:
    """Place images on the map; none without features."""
    if evaluation.neighbors is None:
        return []
    inputs = _Inputs(workspace, files, evaluation.neighbors)
    return [
        Point(
            left=f"{100 * row['x']:.1f}%",
            top=f"{100 - 100 * row['y']:.1f}%",
            hue=hue(row["label"], files),
            tested=row["split"] == "test",
            caption=f"{files.class_names[row['label']]}, {row['split']} {row['source']}",
            offset=f"-{_TILE * (number % _COLUMNS)}px -{_TILE * (number // _COLUMNS)}px",
        )
        for number, row in enumerate(inputs.rows("map"))
    ]


def legend(files: DatasetFiles) -> list[tuple[str, int]]:
    """Return the classes with their hues, if they are few enough to tell apart."""
    names = files.class_names
    if len(names) > _LEGEND:
        return []
    return [(name, hue(number, files)) for number, name in enumerate(names)]


def hue(label: int, files: DatasetFiles) -> int:
    """Return the color of a class, in degrees."""
    return round(360 * label / len(files.class_names))


def _draw_pairs(path: Path, inputs: _Inputs) -> None:
    rows = inputs.rows("near_duplicates", _MOST_PAIRS)
    found = [
        Finding(
            "near_leak" if row["leak"] else "near_duplicate",
            _place(row),
            _place(row, "other_"),
            None,
        )
        for row in rows
    ]
    images = [(inputs.image(row), inputs.image(row, "other_")) for row in rows]
    draw_findings(path, found, images, inputs.files.class_names)


def _place(row: dict[str, Any], prefix: str = "") -> Place:
    return Place(*(row[f"{prefix}{name}"] for name in ("split", "index", "label", "source")))


def _draw_contradictions(path: Path, inputs: _Inputs) -> None:
    rows, names = inputs.rows("contradicted_labels", _MOST_LABELS), inputs.files.class_names
    captions = [
        [
            Line(names[row["label"]], weight="bold"),
            Line(f"→ {names[row['neighbor_label']]}", ORANGE),
            Line(f"{row['split']} {row['source']}", GREY),
        ]
        for row in rows
    ]
    images = np.stack([inputs.image(row) for row in rows])
    save_both(draw_grid(images, captions, columns=6, side=1.25), path)


def _write_thumbnails(path: Path, inputs: _Inputs) -> None:
    """Write the images of the map beside and below each other as one PNG and one WebP."""
    rows = inputs.rows("map")
    sheet = Image.new("RGB", (_TILE * _COLUMNS, _TILE * -(-len(rows) // _COLUMNS)))
    for number, row in enumerate(rows):
        image = inputs.image(row)
        colored = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
        tile = Image.fromarray(colored).resize((_TILE, _TILE))
        sheet.paste(tile, (_TILE * (number % _COLUMNS), _TILE * (number // _COLUMNS)))
    path.with_suffix(".webp").write_bytes(webp.with_loss(sheet))
    sheet.quantize(_COLORS, Image.Quantize.FASTOCTREE).save(path, format="PNG")
