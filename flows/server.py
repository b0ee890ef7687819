"""The Prefect API that a run talks to: the configured one, or a private one on loopback.

Prefect can start a temporary server itself, but only at the first call and while the caller
waits; started from here it comes up while other work goes on.
"""

import atexit
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from sightline.errors import RunError

_QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
_START_SECONDS = 120
"""A server that has to create its database needs more than Prefect's default of 20 seconds."""


def configure(*, verbose: bool) -> None:
    """Set what Prefect reads from the environment; must precede its import.

    Args:
        verbose: Whether Prefect's own log lines reach the terminal. They always reach the API.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "sightline")
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def configured_url() -> str | None:
    """Return the address of the API that the environment or the Prefect profile names."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    if not (home / "profiles.toml").exists():
        return None
    from prefect.settings import PREFECT_API_URL

    in_profile: str | None = PREFECT_API_URL.value()
    return in_profile


class PrivateServer:
    """A server of this process's own; it ends with this process."""

    def __init__(self, *, verbose: bool) -> None:
        """Start it and point Prefect at it; `wait` until it answers.

        Args:
            verbose: Whether what it writes reaches the terminal.
        """
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - kept as long as the server
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows.private_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sys.stderr if verbose else self._log,
            start_new_session=True,  # Ctrl-C is for the run, which then ends its server
        )
        # Registered before Prefect's own handlers, so it runs after they sent their last events.
        atexit.register(self._stop)
        port = self._process.stdout.readline().strip() if self._process.stdout else b""
        self._url = f"http://127.0.0.1:{port.decode()}/api"
        os.environ["PREFECT_API_URL"] = self._url
        if "prefect" in sys.modules:
            from prefect.context import refresh_global_settings_context

            refresh_global_settings_context()

    def wait(self) -> None:
        """Return when the server answers.

        Raises:
            RunError: It ended or did not answer in time.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._log.seek(0)
                tail = self._log.read().decode(errors="replace")[-2000:]
                raise RunError(
                    "The private Prefect server did not start; start one with "
                    "`prefect server start` and set PREFECT_API_URL. It wrote: " + tail
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/health", timeout=5) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
        except (OSError, urllib.error.URLError):
            return False

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
