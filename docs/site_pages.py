"""Pages of the site that are made from other files of the repository when it is built."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
COPIES = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the home page, the changelog, the command line and the notebooks."""
    pages = {page: _from_root(ROOT / name) for page, name in COPIES.items()}
    pages["cli.md"] = _command_line()
    for path in sorted((ROOT / "docs").glob("*.ipynb")):
        pages[f"{path.stem}.md"] = _notebook(path)
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def _from_root(path: Path) -> str:
    """Read a page of the top level; its links into docs/ become links beside it."""
    text = path.read_text("utf-8").replace("](docs/", "](")
    for page, name in COPIES.items():
        text = text.replace(f"]({name})", f"]({page})")
    return re.sub(r"\.ipynb\)", ".md)", text)


def _command_line() -> str:
    """Return the help of all commands as Markdown."""
    command = [sys.executable, "-m", "typer", "sightline.flows.cli.main", "utils", "docs"]
    done = subprocess.run(
        [*command, "--title", "Command line"], check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout


def _notebook(path: Path) -> str:
    """Return a notebook's cells and outputs as Markdown."""
    cells = json.loads(path.read_bytes())["cells"]
    return "\n\n".join(part for cell in cells for part in _cell(cell))


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] != "code":
        yield re.sub(r"\.ipynb\)", ".md)", source)
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        shown = output.get("data", {"text/plain": output.get("text", "")})
        if image := shown.get("image/png"):
            yield f"![Output of the cell](data:image/png;base64,{''.join(image).strip()})"
        elif page := shown.get("text/html"):
            yield "".join(page).replace('<table border="1" class="dataframe">', "<table>")
        else:
            yield f"```text\n{''.join(shown['text/plain'])}\n```"
