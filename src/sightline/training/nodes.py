"""The machines that share one training; nothing here imports Keras.

Each runs the same command with the same settings, and reads its place from the environment.
"""

import os
import re
from dataclasses import dataclass

from sightline.errors import ConfigError

NODES = "SIGHTLINE_NODES"
RANK = "SIGHTLINE_NODE_RANK"
RENDEZVOUS = "SIGHTLINE_RENDEZVOUS"
_ADDRESS = re.compile(r"[^\s:/]+:\d{1,5}")


@dataclass(frozen=True)
class Nodes:
    """The place of this machine among those that share a training."""

    count: int = 1
    rank: int = 0  # Number of this machine, from 0
    rendezvous: str = ""  # HOST:PORT of the machine 0, where all of them meet

    @property
    def leads(self) -> bool:
        """Whether this machine writes checkpoints, results and the report."""
        return self.rank == 0

    def __str__(self) -> str:
        """Name the place for people."""
        return f"node {self.rank} of {self.count}, rendezvous {self.rendezvous}"


def nodes() -> Nodes:
    """Read the place of this machine; raise ConfigError if the variables do not fit together."""
    count = _number(NODES, "1", 1)
    if count == 1:
        return Nodes()
    rank, rendezvous = _number(RANK, "", 0), os.environ.get(RENDEZVOUS, "")
    if rank >= count:
        raise ConfigError(f"{RANK} is {rank}; expected 0 to {count - 1}, since {NODES} is {count}.")
    if not _ADDRESS.fullmatch(rendezvous):
        raise ConfigError(
            f"{RENDEZVOUS} is {rendezvous!r}; expected HOST:PORT of node 0 with a free port, such "
            "as 10.0.0.1:29400, the same on every node."
        )
    return Nodes(count, rank, rendezvous)


def _number(variable: str, default: str, least: int) -> int:
    found = os.environ.get(variable, default)
    if not (found.isascii() and found.isdigit() and int(found) >= least):
        raise ConfigError(f"{variable} is {found!r}; expected a whole number of at least {least}.")
    return int(found)
