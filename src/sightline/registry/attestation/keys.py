"""Ed25519 key pairs in PEM files; no message ever contains a key."""

import importlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from sightline.errors import InputError
from sightline.storage import files

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

VARIABLE = "SIGHTLINE_SIGNING_KEY"
_MAX_BYTES = 16 << 10  # an Ed25519 key takes about 120


def require_library() -> None:
    """Raise InputError unless the libraries of the extra `signing` are installed."""
    try:
        importlib.import_module("securesystemslib.dsse")
        importlib.import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    except ImportError as error:
        raise InputError(
            f"Signed provenance needs the library {error.name or 'securesystemslib'}, which is "
            "not installed; install it with: pip install 'sightline[signing]'"
        ) from None


def generate(path: Path) -> Path:
    """Create a private key at `path` that only its owner can read, and a public key beside it.

    Returns:
        Path of the public key: the same with `.pub` added.

    Raises:
        InputError: A file exists or cannot be written, or the extra is missing.
    """
    require_library()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not path.name:
        raise InputError(f"{path} is not a file name; give one such as signing.pem.")
    public = path.with_name(f"{path.name}.pub")
    for file in (path, public):
        if os.path.lexists(file):
            raise InputError(f"{file} exists and is not replaced; choose another name.")
    key = Ed25519PrivateKey.generate()
    private_text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public_text = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        for file, text, mode in ((path, private_text, 0o600), (public, public_text, 0o644)):
            with files.new_file(file, mode) as temporary:  # with this mode from the beginning
                temporary.write_bytes(text)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from None
    return public


def configured() -> "CryptoSigner | None":
    """Read the private key that SIGHTLINE_SIGNING_KEY names; None if the variable is not set.

    Raises InputError if the key or the extra is missing, or others can read the file.
    """
    given = os.environ.get(VARIABLE)
    if not given:
        return None
    require_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    path = Path(given)
    text = _read(path, f"the private key that {VARIABLE} names", private=True)
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # a TypeError if it has a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            f"{path}, which {VARIABLE} names, is not an Ed25519 private key in PEM form without a "
            "password; create one with `sightline models keygen PATH`."
        )
    return CryptoSigner(key)


def read_public(path: Path) -> "SSlibKey":
    """Read a public key; raise InputError if that fails or the extra is missing."""
    require_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    try:
        key = load_pem_public_key(_read(path, "the public key", private=False))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(
            f"{path} is not an Ed25519 public key in PEM form; expected the .pub file that "
            "`sightline models keygen` wrote."
        )
    return SSlibKey.from_crypto(key)


def _read(path: Path, what: str, *, private: bool) -> bytes:
    """Read a key's file; its mode is that of the open file, which cannot be exchanged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise InputError(f"{path}, {what}, is not a regular file.")
            if private and mode & 0o077:
                raise InputError(
                    f"{path}, {what}, can be read by others (mode {stat.S_IMODE(mode):04o}) and is "
                    "not used; expected 0600: chmod 600 it."
                )
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise InputError(f"{path}, {what}, cannot be read: {error.strerror}.") from None
