"""SHA-256 digests of files, and the files that differ from their expected digests."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Mismatch:
    """A file that differs from what was expected."""

    name: str  # The file's name, as given to `mismatches`
    expected: str  # "SHA-256 <digest>"
    found: str  # The same of the file, or why it has none, such as "no file" or "a link"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mismatches(
    folder: Path, expected: Mapping[str, str], digest_of: Callable[[Path], str] | None = None
) -> Iterator[Mismatch]:
    """Compare files with their expected digests, by POSIX path relative to `folder`.

    Yields what differs, in the same order. Names that lead out of the folder are never read.
    `digest_of` digests a file, by default `sha256`.
    """
    for name, digest in expected.items():
        path = folder / name
        found = difference(path, digest, None, digest_of) if is_below(name) else "a path outside"
        if found is not None:
            yield Mismatch(name, f"SHA-256 {digest}", found)


def difference(
    path: Path,
    expected: str,
    size: int | None = None,
    digest_of: Callable[[Path], str] | None = None,
) -> str | None:
    """Return what a file is instead of the expected one, as part of a sentence; None if it matches.

    Links are not followed; pipes, devices and files of another size in bytes are not read.
    """
    if path.is_symlink():
        return "a link"
    if not path.is_file():
        return "a folder" if path.is_dir() else "no file"
    try:
        found_size = path.stat().st_size
        if size is not None and found_size != size:
            return f"{found_size:,} bytes"
        found = (digest_of or sha256)(path)
    except OSError as error:
        return f"an unreadable file ({error.strerror})"
    return None if found == expected else f"SHA-256 {found}"


def is_below(name: str) -> bool:
    """Return whether a POSIX path relative to a folder stays in it."""
    path = PurePosixPath(name)
    return str(path) == name != "." and not path.is_absolute() and ".." not in path.parts
