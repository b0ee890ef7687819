"""How Ctrl-C and SIGTERM end a command."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a command that Ctrl-C ended, by custom of the shell."""

_TERMINATED = 128 + signal.SIGTERM


class Terminated(KeyboardInterrupt):
    """SIGTERM came: the machine is wanted for something else."""


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that what it began is put in order."""

    def terminate(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Return the exit code of a command that was interrupted."""
    return _TERMINATED if isinstance(interrupt, Terminated) else _INTERRUPTED
