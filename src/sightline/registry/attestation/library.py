"""The library that signs, which is an optional extra."""

import importlib

from sightline.errors import InputError


def require() -> None:
    """Make sure that the library is installed.

    Raises:
        InputError: It is not; the message says how to install it.
    """
    try:
        importlib.import_module("securesystemslib.dsse")
        importlib.import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    except ImportError as error:
        raise InputError(
            f"Signed provenance needs the library {error.name or 'securesystemslib'}, which is "
            "not installed; install it with: pip install 'sightline[signing]'"
        ) from None
