"""Who runs this process, for records and messages that others read."""

import getpass
import os
import socket

from sightline.storage.text import printable


def author() -> str:
    """Return SIGHTLINE_USER, or the login name and the host: 1 to 200 printable characters."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        login = f"uid-{os.getuid()}"
    return printable(os.environ.get("SIGHTLINE_USER") or f"{login}@{socket.gethostname()}")[:200]
