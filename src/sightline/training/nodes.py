"""The machines that share one training; nothing here imports Keras.

Each runs the same command with the same settings, and reads its place from the environment.
"""

import os
import re
import socket
from dataclasses import dataclass

from sightline.errors import ConfigError

NODES = "SIGHTLINE_NODES"
RANK = "SIGHTLINE_NODE_RANK"
RENDEZVOUS = "SIGHTLINE_RENDEZVOUS"
WAIT = "SIGHTLINE_NODES_WAIT"
_ADDRESS = re.compile(r"[^\s:/]+:\d{1,5}")


@dataclass(frozen=True)
class Nodes:
    """The place of this machine among those that share a training."""

    count: int = 1
    rank: int = 0  # Number of this machine, from 0
    rendezvous: str = ""  # HOST:PORT of the machine 0, where all of them meet
    wait: int = 300  # Seconds in which all of them must be there

    @property
    def leads(self) -> bool:
        """Whether this machine writes checkpoints, results and the report."""
        return self.rank == 0

    def take(self) -> None:
        """Give this process and those that it starts this place."""
        os.environ |= {
            NODES: str(self.count),
            RANK: str(self.rank),
            RENDEZVOUS: self.rendezvous,
            WAIT: str(self.wait),
        }

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
    return Nodes(count, rank, rendezvous, _number(WAIT, str(Nodes.wait), 1))


def free_address(peer: str) -> str:
    """Return HOST:PORT with the address of this machine that reaches another, and a free port.

    Raises ConfigError if this machine finds no way to the other.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))  # sends nothing
        except OSError as error:
            raise ConfigError(
                f"The address of this node is not known, since it does not reach {peer} "
                f"({error.strerror}); set {RENDEZVOUS}=HOST:PORT for its worker."
            ) from None
        host = probe.getsockname()[0]
    with socket.create_server((host, 0)) as free:
        return f"{host}:{free.getsockname()[1]}"


def _number(variable: str, default: str, least: int) -> int:
    found = os.environ.get(variable, default)
    if not (found.isascii() and found.isdigit() and int(found) >= least):
        raise ConfigError(f"{variable} is {found!r}; expected a whole number of at least {least}.")
    return int(found)
