"""Swaps two folders in one step, so that a name is never without its folder."""

import ctypes
import errno
import os
from pathlib import Path

_HERE = -100
"""AT_FDCWD: paths are looked up as usual."""

_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux' renameat2."""

_NOT_OFFERED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.ENOENT})
"""Older kernels, NFS and some others cannot; or there is nothing to swap with."""


def swap(one: Path, other: Path) -> bool:
    """Give each of two folders the other's name, at once.

    Args:
        one: A folder.
        other: Another one on the same file system.

    Returns:
        False, with nothing changed, where one is missing or the system has no such call.

    Raises:
        OSError: The system refused.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_OFFERED:
        return False
    raise OSError(number, os.strerror(number), str(other))
