"""`sightline serve` as a process on loopback."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from command import BIN
from processes import wait_for
from sightline.storage.workspace import Workspace


@dataclass
class ModelServer:
    """A running server."""

    process: "subprocess.Popen[bytes]"
    output: Path  # What it has written to standard output and standard error
    address: str

    def post(self, *paths: Path, **options: object) -> httpx.Response:
        """Send image files to /predict."""
        files = [("file", (path.name, path.read_bytes())) for path in paths]
        return httpx.post(f"{self.address}/predict", files=files, timeout=60, **options)  # type: ignore[arg-type]

    def model(self) -> str:
        """Return the name of the version that is served."""
        found = re.search(r'sightline_model_info{.*model="(.*?)".*version="(.*?)"', self.metrics())
        assert found is not None
        return f"{found[1]}-v{found[2]}"

    def metrics(self, **options: object) -> str:
        """Return what /metrics says."""
        return httpx.get(f"{self.address}/metrics", **options).text  # type: ignore[arg-type]

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def running(
    folder: Path, workspace: Workspace, *options: str, **environment: str
) -> Iterator[ModelServer]:
    """Start a server that looks at the registry all the time; yield it once it can predict."""
    output = folder / "output.txt"
    command = [BIN / "sightline", "serve", "--artifacts", str(workspace), "--port=0", "--poll=0.1"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGHTLINE_")}
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command, *options], stdout=file, stderr=file, env={**kept, **environment}
        )
    try:

        def address() -> str | None:
            text = output.read_text()
            assert process.poll() is None, text
            found = re.search(r"answers at (http://\S+)", text)
            return found[1] if found else None

        yield ModelServer(process, output, wait_for("the server", address))
    finally:
        process.kill()
        process.wait()
