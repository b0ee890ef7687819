"""Damage a file as disks, networks, kills and users do, reproducibly."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

_SHAPE = re.compile(rb"'shape': \((\d+), ")
_LONGEST = 512  # Largest number of bytes of a hole, a swap or a repeated end
Change = Callable[[bytes, random.Random], bytes]


def flip(content: bytes, rng: random.Random) -> bytes:
    """Flip one bit."""
    place = rng.randrange(len(content))
    changed = bytes([content[place] ^ 1 << rng.randrange(8)])
    return content[:place] + changed + content[place + 1 :]


def truncate(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(1, max(2, len(content)))]


def empty(content: bytes, rng: random.Random) -> bytes:
    return b""


def punch(content: bytes, rng: random.Random) -> bytes:
    """Fill a range with zeros, as a block that never reached the disk."""
    start, end = _range(content, rng)
    return content[:start] + bytes(end - start) + content[end:]


def swap(content: bytes, rng: random.Random) -> bytes:
    """Swap two adjacent ranges of equal length."""
    start, end = _range(content, rng)
    middle = (start + end) // 2
    end = 2 * middle - start
    return content[:start] + content[middle:end] + content[start:middle] + content[end:]


def double(content: bytes, rng: random.Random) -> bytes:
    """Repeat the end."""
    return content + content[-rng.randint(1, min(_LONGEST, len(content))) :]


def shrink(content: bytes, rng: random.Random) -> bytes:
    """State fewer rows in the header of an NPY file, at the same length."""
    found = _SHAPE.search(content[:128])
    if found is None or int(found[1]) == 0:
        return content
    fewer = str(rng.randrange(int(found[1]))).rjust(len(found[1])).encode()
    return content[: found.start(1)] + fewer + content[found.end(1) :]


CHANGES: tuple[Change, ...] = (flip, truncate, empty, punch, swap, double, shrink)


def damage(path: Path, rng: random.Random, *, may_delete: bool = True) -> str:
    """Change the content of a file, or delete it if allowed; return the kind of the damage."""
    content = path.read_bytes()
    if not content:
        path.write_bytes(b"\0")
        return "append"
    while True:
        change = rng.choice([*CHANGES, *([None] if may_delete else [])])
        if change is None:
            path.unlink()
            return "delete"
        changed = change(content, rng)
        if changed != content:
            path.write_bytes(changed)
            return change.__name__


def _range(content: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(content))
    return start, min(len(content), start + rng.randint(1, _LONGEST))


def changed_bytes(path: Path, step: int, *bits: int, start: int = 0) -> Iterator[int]:
    """Flip one bit after another of every `step`-th byte of a file, and restore it at the end."""
    content = path.read_bytes()
    for place in range(len(content))[start::step]:
        for bit in bits:
            path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
            yield place
    path.write_bytes(content)
