"""The type of the fixture `sightline`, which runs the real command."""

import subprocess
from collections.abc import Callable

Completed = subprocess.CompletedProcess[str]
Command = Callable[..., Completed]
