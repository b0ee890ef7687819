"""The report as a page and as Markdown, from the manifest of a run."""

import base64
import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from sightline.manifest import RunManifest
from sightline.records import ClassMetrics, FileRecord

_MOST_CLASSES = 50
"""Beyond this many classes, tables show the weakest or first ones only."""

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$:/])")
_WEAK_F1 = 0.9


def render_html(root: Path, manifest: RunManifest) -> str:
    """Make the page: one file, no script, nothing loaded from anywhere.

    Args:
        root: The artifacts root, where the pictures lie.
        manifest: The finished run.

    Returns:
        HTML; class names and everything else from the user is escaped.
    """

    def picture(record: FileRecord) -> Markup:
        content = base64.b64encode((root / record.path).read_bytes()).decode()
        return Markup("data:image/png;base64,") + content

    template = _environment().get_template("report.html.j2")
    return template.render(_facts(manifest), picture=picture)


def render_markdown(manifest: RunManifest) -> str:
    """Make the short form, without pictures.

    Args:
        manifest: The finished run.

    Returns:
        GitHub Markdown; everything from the user is escaped.
    """
    return _environment().get_template("report.md.j2").render(_facts(manifest))


def _facts(manifest: RunManifest) -> dict[str, Any]:
    records = manifest.records
    classes = sorted(records.evaluate.classes, key=lambda metrics: (metrics.f1, metrics.class_name))
    test_images = sum(metrics.support for metrics in classes)
    return {
        "run": manifest,
        "files": records.ingest,
        "blueprint": records.build,
        "trained": records.train,
        "evaluation": records.evaluate,
        "report": records.report,
        "test_images": test_images,
        "classes": classes[:_MOST_CLASSES],
        "classes_left_out": max(0, len(classes) - _MOST_CLASSES),
        "counts": _counts(manifest)[:_MOST_CLASSES],
        "verdict": _verdict(manifest, classes, test_images),
        "settings": _flatten(manifest.config.model_dump(mode="json")),
    }


def _verdict(manifest: RunManifest, classes: Sequence[ClassMetrics], test_images: int) -> str:
    wrong = manifest.records.report.mistakes_total
    low, high = manifest.records.evaluate.accuracy_interval
    weakest = classes[0]
    sentence = (
        f"{wrong:,} of {test_images:,} test images were misclassified; with 95 % confidence the "
        f"accuracy on images of this kind lies between {low:.2%} and {high:.2%}."
    )
    if weakest.f1 < _WEAK_F1:
        sentence += f" The weakest class is “{weakest.class_name}” with an F1 of {weakest.f1:.3f}."
    return sentence


def _counts(manifest: RunManifest) -> list[tuple[str, tuple[int, ...]]]:
    files = manifest.records.ingest
    columns = [files.counts[split] for split in files.images]
    return list(zip(files.class_names, zip(*columns, strict=True), strict=True))


def _flatten(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += _flatten(value, f"{prefix}{key}.")
        else:
            rows.append((prefix + key, json.dumps(value, ensure_ascii=False)))
    return rows


def escape_markdown(text: object) -> str:
    """Make text appear literally in Markdown, in tables too."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sightline.reporting", "."),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["md"] = escape_markdown
    environment.filters["percent"] = lambda share: f"{share:.2%}"
    environment.filters["thousands"] = lambda number: f"{number:,}"
    environment.filters["mib"] = lambda size: f"{size / 2**20:,.0f} MiB"
    return environment
