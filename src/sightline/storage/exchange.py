"""Exchanges the names of two folders."""

import ctypes
import errno
import os
from pathlib import Path

# Older kernels, NFS and macOS cannot exchange two names; or one of them does not exist
_NO_EXCHANGE = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.ENOENT})
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # Constants of Linux' renameat2(2)


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders atomically, so that a kill leaves neither name without one.

    Returns False, with nothing changed, if one is missing or the system has no such call; raises
    OSError if the system refused.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), str(other))
