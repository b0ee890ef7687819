"""How Ctrl-C and SIGTERM end a command."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from sightline.flows.cli import console


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


@contextmanager
def graceful_sigterm() -> Iterator[None]:
    """Make SIGTERM end the command as Ctrl-C does, so that cleanup code runs."""

    def terminate(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interruptible(consequence: str) -> Iterator[None]:
    """End the command with what an interruption, by Ctrl-C or SIGTERM, means for its result."""
    try:
        with graceful_sigterm():
            yield
    except KeyboardInterrupt as interrupt:
        console.note(f"Interrupted; {consequence}.")
        raise typer.Exit(exit_code(interrupt)) from None


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Return the exit code of a command that was interrupted, by convention of the shell."""
    return 128 + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)
