"""A file of a run that a notebook can show: a figure or the report."""

import os
import webbrowser
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from markupsafe import Markup
from PIL import Image

_COLORS = 64  # Of a figure in a card; its file has all


@dataclass(frozen=True, repr=False)
class RunFile:
    """A file; it is also a path, so `open`, `Path` and Pillow take it."""

    path: Path  # Absolute path

    def __repr__(self) -> str:
        """Return the name; notebooks keep this text, and are given to others."""
        return f"<RunFile {self.path.name}>"

    def __fspath__(self) -> str:
        """Return the path."""
        return str(self.path)

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)

    def open(self) -> bool:
        """Open it in the browser; return False if there is none."""
        return webbrowser.open(self.path.as_uri())

    def link(self, text: str) -> Markup:
        """Return a link to the file, relative to the working folder, as HTML."""
        target = Path(os.path.relpath(self.path)).as_posix()
        return Markup('<a href="{}" target="_blank">{}</a>').format(target, text)

    def thumbnail(self) -> bytes:
        """Return a figure at half its size and in fewer colors, as PNG."""
        made = BytesIO()
        with Image.open(self.path) as figure:
            small = figure.convert("RGB").reduce(2)
            small.quantize(_COLORS).save(made, "PNG", optimize=True)
        return made.getvalue()

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        """Show a figure; figures are drawn for dense screens."""
        if self.path.suffix != ".png":
            return None
        png = self.path.read_bytes()
        return png, {"width": int.from_bytes(png[16:20], "big") // 2}

    def _repr_html_(self) -> str | None:
        """Show any other file as a link."""
        return None if self.path.suffix == ".png" else str(self.link(self.path.name))
