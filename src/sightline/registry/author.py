"""Who does something: the name that the audit log holds."""

import getpass
import os
import socket

from sightline.storage.text import printable

_LONGEST = 200


def name() -> str:
    """Return SIGHTLINE_USER, or the login name and the host.

    Returns:
        Printable text of 1 to 200 characters.
    """
    found = os.environ.get("SIGHTLINE_USER") or f"{_login()}@{socket.gethostname()}"
    return printable(found)[:_LONGEST]


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return f"uid-{os.getuid()}"
