"""The programs in docs/shipping.md, and a way to run them: python snippets.py PROGRAM FOLDER ...

Runs a program in each folder, which has a model and `photo.jpg`, and prints one JSON object a
folder: what it printed, and the probabilities that it found.
"""

import io
import json
import os
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_TITLES = ("read_image", "Keras", "ONNX Runtime", "LiteRT", "TensorFlow Serving")


def read() -> dict[str, str]:
    """Return the programs by title; the first is the function that all others use."""
    text = (ROOT / "docs" / "shipping.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return dict(zip(_TITLES, blocks, strict=True))


def shared() -> dict[str, Any]:
    """Return the function that all programs use, with what it imports."""
    found: dict[str, Any] = {}
    exec(read()["read_image"], found)  # noqa: S102 - our own documentation
    return found


def execute(code: str) -> dict[str, Any]:
    """Run a program in the current folder."""
    found = shared()
    with redirect_stdout(io.StringIO()) as printed:
        exec(code, found)  # noqa: S102 - our own documentation
    probabilities = [float(one) for one in found["probabilities"]]
    return {"printed": printed.getvalue(), "probabilities": probabilities}


if __name__ == "__main__":
    code = Path(sys.argv[1]).read_text(encoding="utf-8")
    for folder in sys.argv[2:]:
        os.chdir(folder)
        sys.stdout.write(json.dumps(execute(code)) + "\n")
