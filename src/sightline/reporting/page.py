"""The report as a page and as Markdown, from the manifest of a run."""

import base64
import functools
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from sightline.config.flatten import flatten
from sightline.records import Evaluation, FileRecord
from sightline.records.manifest import RunManifest
from sightline.reporting import exports, run_diff_rows, summary, tables
from sightline.reporting.figures.canvas import DOTS_PER_INCH
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_MOST_CLASSES = 50
"""Beyond this many classes, tables show the weakest or first ones only."""
_MOST_PAIRS = 10
_PAGE_DOTS_PER_INCH = 96
"""Pixels of a page an inch, by definition of CSS."""

FIGURE_DENSITY = DOTS_PER_INCH / _PAGE_DOTS_PER_INCH
"""Pixels of a figure a pixel of the page."""

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$:/@])")


class Pair(NamedTuple):
    """How often one class was taken for another."""

    label: str
    predicted: str
    images: int
    share: float


def render_html(workspace: Workspace, manifest: RunManifest) -> str:
    """Make the page: one file, no script, nothing loaded from anywhere.

    Args:
        workspace: The artifacts root, where the pictures lie.
        manifest: The finished run.

    Returns:
        HTML; class names and everything else from the user is escaped.
    """

    def source(record: FileRecord) -> Markup:
        """Embed a picture at its own size."""
        return embedded((workspace.root / record.path).read_bytes(), 1)

    def figure(record: FileRecord) -> Markup:
        """Embed a figure at the size that it was drawn for."""
        return embedded((workspace.root / record.path).read_bytes(), FIGURE_DENSITY)

    template = environment().get_template("report.html.j2")
    return template.render(_facts(manifest, str), source=source, figure_source=figure)


def render_markdown(manifest: RunManifest) -> str:
    """Make the short form, without pictures.

    Args:
        manifest: The finished run.

    Returns:
        GitHub Markdown; everything from the user is escaped.
    """
    template = environment().get_template("report.md.j2")
    return template.render(_facts(manifest, escape_markdown))


def escape_markdown(text: object) -> str:
    """Make text appear literally in Markdown, in tables too."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", printable(" ".join(str(text).split())))


def embedded(png: bytes, density: float = 1) -> Markup:
    """Write the attributes of an `img`: the picture itself and its size on the page.

    Args:
        png: The picture.
        density: Its pixels a pixel of the page.
    """
    # The header of a PNG holds width and height as four bytes each, most significant first.
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    content = base64.b64encode(png).decode("ascii")
    return Markup('src="data:image/png;base64,{}" width="{}" height="{}"').format(
        content, round(width / density), round(height / density)
    )


def _facts(manifest: RunManifest, escape: Callable[[str], str]) -> dict[str, Any]:
    records = manifest.records
    classes = sorted(
        records.evaluate.classes,
        key=lambda metrics: (not metrics.support, metrics.f1, metrics.class_name),
    )
    return {
        "run": manifest,
        "files": records.ingest,
        "blueprint": records.build,
        "trained": records.train,
        "evaluation": records.evaluate,
        "report": records.report,
        "test_images": sum(metrics.support for metrics in classes),
        "classes": classes[:_MOST_CLASSES],
        "classes_left_out": max(0, len(classes) - _MOST_CLASSES),
        "guessing_loss": math.log(len(classes)),
        "pairs": most_confused(records.evaluate),
        "counts": _counts(manifest)[:_MOST_CLASSES],
        "gate": records.gate,
        "checks": tables,
        "splits": _splits(manifest),
        "quality": summary.quality(manifest),
        "certainty": summary.certainty(manifest),
        "progress": summary.progress(manifest),
        "doubts": summary.doubts(manifest, escape),
        "shipping": summary.shipping(manifest),
        "decision": records.decision,
        "certificate": records.export,
        "certificate_rows": exports.rows(records.export) if records.export else [],
        "certificate_headline": exports.headline(records.export) if records.export else "",
        "settings": flatten(manifest.config.model_dump(mode="json")),
    }


def most_confused(evaluation: Evaluation) -> list[Pair]:
    """List the confusions by their number of images, at most ten."""
    names = [metrics.class_name for metrics in evaluation.classes]
    pairs = [
        Pair(names[label], names[predicted], count, count / sum(row))
        for label, row in enumerate(evaluation.confusion)
        for predicted, count in enumerate(row)
        if count and label != predicted
    ]
    return sorted(pairs, key=lambda pair: -pair.images)[:_MOST_PAIRS]


def _splits(manifest: RunManifest) -> list[tuple[str, int, str]]:
    """List the splits as the training used them: name, number of images, what for."""
    uses = {
        "train": "the weights are fitted to it",
        "validation": "held out of train; watched while training",
        "test": "measured once, at the end; nothing is fitted to it",
    }
    splits = manifest.records.preprocess.splits
    return [
        (name, splits[name].images.shape[0], use) for name, use in uses.items() if name in splits
    ]


def _counts(manifest: RunManifest) -> list[tuple[str, tuple[int, ...]]]:
    files = manifest.records.ingest
    columns = [files.counts[split] for split in files.images]
    return list(zip(files.class_names, zip(*columns, strict=True), strict=True))


def _shown(value: object) -> object:
    """Take control codes out of every text that a template shows; markup is our own."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def environment() -> Environment:
    """Return what all templates of the package share."""
    environment = Environment(
        loader=PackageLoader("sightline.reporting", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["md"] = escape_markdown
    environment.filters["percent"] = lambda share: f"{share:.2%}"
    environment.filters["points"] = run_diff_rows.points
    environment.filters["thousands"] = lambda number: f"{number:,}"
    environment.filters["seconds"] = lambda seconds: f"{seconds:,.1f} s"
    environment.filters["mib"] = lambda size: f"{size / 2**20:,.0f} MiB"
    environment.filters["shape"] = lambda sides: "\N{MULTIPLICATION SIGN}".join(map(str, sides))
    return environment
