"""The report as a page and as Markdown, from the manifest of a run."""

import base64
import functools
import hashlib
import io
import math
import re
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from PIL import Image, WebPImagePlugin  # noqa: F401 - else Pillow imports all formats for a WebP

from sightline.config.flatten import flatten
from sightline.pipeline import provenance
from sightline.records import FileRecord
from sightline.records.manifest import RunManifest
from sightline.reporting import (
    advice,
    depth,
    metric_tables,
    neighbors,
    phases,
    summary,
    tables,
    trend,
    unlabelled,
    warnings,
)
from sightline.reporting.compiled_templates import CompiledTemplates
from sightline.reporting.figures.canvas import DOTS_PER_INCH
from sightline.reporting.table import Table, interval, times
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_PAGE_DOTS_PER_INCH = 96  # Pixels of a page per inch, as CSS defines it
FIGURE_DENSITY = DOTS_PER_INCH / _PAGE_DOTS_PER_INCH  # Pixels of a figure per pixel of the page
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&$:/@])")


def render_html(workspace: Workspace, manifest: RunManifest) -> str:
    """Render the page: one file that loads nothing; user text is escaped."""
    records = manifest.records
    return render(
        "report.html.j2",
        **facts(manifest, str),
        trend=trend.find(workspace, manifest),
        map_points=neighbors.points(workspace, records.ingest, records.evaluate),
        **embedding(workspace),
    )


def embedding(workspace: Workspace) -> dict[str, Callable[[FileRecord], str]]:
    """Return the functions by which templates embed figures and thumbnails of a workspace."""

    def embed(record: FileRecord, density: float) -> Markup:
        return embedded((workspace.root / record.path).read_bytes(), density)

    return {
        "image_url": lambda record: data_url((workspace.root / record.path).read_bytes()),
        "thumbnail_source": lambda record: embed(record, 1),
        "figure_source": lambda record: embed(record, FIGURE_DENSITY),
    }


def render_markdown(manifest: RunManifest) -> str:
    """Render the short form, without figures, as GitHub Markdown; text from the user is escaped."""
    return render("report.md.j2", **facts(manifest, escape_markdown))


def breakable(text: object) -> object:
    """Let the names in a text break after underscores, as after spaces, and nowhere else."""
    if not isinstance(text, str) or isinstance(text, Markup):
        return text
    return escape(printable(text)).replace("_", Markup("_<wbr>"))


def render(template: str, **facts: Any) -> str:
    """Render one of the templates of the package."""
    return _environment().get_template(template).render(facts)


def escape_markdown(text: object) -> str:
    """Make text appear literally in Markdown, in tables too."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", printable(" ".join(str(text).split())))


def markdown_table(table: Table) -> Markup:
    """Write a table as GitHub Markdown, without images; text from the user is escaped."""
    shown = [number for number, kind in enumerate(table.kinds) if kind != "i"]
    heads = table.columns or [table.name, *[""] * (len(table.kinds) - 1)]
    rules = ["---:" if table.kinds[number] == "n" else "---" for number in shown]
    rows = [
        [_markdown_cell(row[number], table.kinds[number]) for number in shown]
        for row in (*table.rows, table.total)
        if row
    ]
    lines = [[heads[number] for number in shown], rules, *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = f"{text}\n\n{table.left_out}" if table.left_out else text
    return Markup(text)  # noqa: S704 - the cells are escaped


def _markdown_cell(cell: object, kind: str) -> str:
    if kind == "n":  # numbers are our own
        return str(cell)
    if kind == "c":
        return "`{}`".format(printable(str(cell)).replace("`", "'").replace("|", r"\|"))
    return escape_markdown(cell)


def embedded(image: bytes, density: float = 1) -> Markup:
    """Write the attributes of an `img`; `density` is its pixels per pixel of the page."""
    with Image.open(io.BytesIO(image)) as opened:
        width, height = (round(side / density) for side in opened.size)
    return Markup('src="{}" width="{}" height="{}"').format(data_url(image), width, height)


def data_url(image: bytes) -> str:
    """Write a WebP or a PNG as a URL."""
    kind = "png" if image.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"


def facts(manifest: RunManifest, escape: Callable[[str], str]) -> dict[str, Any]:
    """Name what the templates of the report and of the model card show."""
    records = manifest.records
    return {
        "run": manifest,
        "files": records.ingest,
        "source": without_folder(records.ingest.source),
        "blueprint": records.build,
        "trained": records.train,
        "evaluation": records.evaluate,
        "report": records.report,
        "gate": records.gate,
        "decision": records.decision,
        "certificate": records.export,
        "warnings": warnings.list_warnings(manifest, escape),
        "steps": advice.list_steps(manifest, escape),
        "uniform_loss": math.log(len(records.ingest.class_names)),
        "config": flatten(
            _without_folders(manifest.config.model_dump(mode="json", exclude={"tracking"}))
        ),
    }


def _without_folders(settings: dict[str, Any]) -> dict[str, Any]:
    """Shorten the absolute paths in nested settings."""
    shown = dict(settings)
    for key, value in settings.items():
        if isinstance(value, dict):
            shown[key] = _without_folders(value)
        elif isinstance(value, str):
            shown[key] = without_folder(value)
    return shown


def without_folder(text: str) -> str:
    """Shorten an absolute path to its last part, since pages are sent to others."""
    path = PurePath(text)
    return path.name if path.is_absolute() else text


def _shown(value: object) -> object:
    """Escape control codes in all text that a template shows, except our own markup."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def _environment() -> Environment:
    templates = PackageLoader("sightline.reporting", "templates")
    version = provenance.code_digest(__name__) + provenance.versions("jinja2")["jinja2"]
    environment = Environment(
        loader=templates,
        bytecode_cache=CompiledTemplates(Path(__file__).parent / "templates/__pycache__", version),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source, *_ = templates.get_source(environment, "page.js")
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    environment.globals |= {
        "script": Markup(source),  # noqa: S704 - a file of the package
        "script_hash": f"sha256-{digest}",
    }
    modules = (depth, metric_tables, neighbors, phases, summary, tables, unlabelled)
    environment.globals |= {one.__name__.rpartition(".")[2]: one for one in modules}
    environment.filters |= {
        "md": escape_markdown,
        "markdown_table": markdown_table,
        "percent": lambda share: f"{share:.2%}",
        "thousands": lambda number: f"{number:,}",
        "seconds": lambda seconds: f"{seconds:,.1f} s",
        "mib": lambda size: f"{size / 2**20:,.0f} MiB",
        "times": times,
    }
    environment.filters |= {"interval": interval, "breakable": breakable}
    return environment
