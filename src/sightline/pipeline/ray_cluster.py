"""The Ray cluster of this machine: finds it, and decides how much of it each trial gets."""

import logging
import math
import os
import socket
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

from sightline.errors import ConfigError
from sightline.pipeline.process import keras_process
from sightline.pipeline.provenance import cores
from sightline.records import Run
from sightline.storage.workspace import LOCK, Workspace

_ANSWER_SECONDS = 5
_REASON_CHARACTERS = 300  # Of an error of Ray that are shown
# Variables that results depend on; none that may hold a password, since Ray shows what it passes on
_PASSED_ON = ("KERAS_BACKEND", "TF_", "XLA_", "JAX_", "PREFECT_LOGGING_EXTRA_LOGGERS")
_TERRAFORM = ("TF_VAR_", "TF_TOKEN_", "TF_CLI_")  # Its variables are not TensorFlow's
_HOW_TO_REACH = (
    "run the command on a machine of the cluster, which `ray start --address=HEAD:6379` makes it, "
    "or start one with `ray start --head`"
)

_log = logging.getLogger("sightline.pipeline")


class Share(NamedTuple):
    """What a trial gets of one node."""

    cpus: int
    gpus: float
    at_once: int  # Number of trials that the cluster can run at a time


@contextmanager
def connected(gpus: float | None = None) -> Iterator[Share]:
    """Connect this process for a while, as `connect`; one that is connected stays so."""
    _check_installed()
    import ray

    if ray.is_initialized():
        yield _divide_nodes(gpus)
        return
    share = connect(gpus)
    try:
        yield share
    finally:
        ray.shutdown()


def connect(gpus_per_trial: float | None) -> Share:
    """Connect this process to the Ray cluster of this machine, and divide it between trials.

    Args:
        gpus_per_trial: None stands for 1 if the cluster has GPUs, else 0.

    Raises ConfigError if Ray is not installed, no cluster answers or no node is large enough.
    """
    _check_installed()
    import ray
    from ray.exceptions import RayError

    try:
        ray.init(
            address=_address(),
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        reason = textwrap.shorten(str(error) or type(error).__name__, _REASON_CHARACTERS)
        raise ConfigError(f"The Ray cluster cannot be used ({reason}); {_HOW_TO_REACH}.") from None
    _quieten()
    return _divide_nodes(gpus_per_trial)


def _check_installed() -> None:
    if not (find_spec("ray") and find_spec("prefect_ray")):
        raise ConfigError(
            'Ray needs the extra `ray`, which is not installed; run pip install "sightline[ray]".'
        )


def _divide_nodes(gpus: float | None) -> Share:
    import ray

    return divide([node["Resources"] for node in ray.nodes() if node["Alive"]], gpus)


def _address() -> str:
    """Find the address of the cluster; see `connect`.

    `ray.init` would wait for hours for a cluster that is gone.
    """
    from ray._private import services  # what the commands of Ray use

    given = os.environ.get("RAY_ADDRESS", "")
    if "://" in given:
        raise ConfigError(
            f"RAY_ADDRESS is {given!r}, but the connection of a Ray client is lost for good after "
            f"30 s without a network; unset RAY_ADDRESS and {_HOW_TO_REACH}."
        )
    try:
        address: str = services.canonicalize_bootstrap_address_or_die("auto")
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:  # ConnectionError of Ray among them
        where = f" at {given} (RAY_ADDRESS)" if given else ""
        raise ConfigError(f"No Ray cluster answers{where}; {_HOW_TO_REACH}.") from error
    return address


def _quieten() -> None:
    """Log the first line of what Ray has to say, such as of a lost node.

    Ray 2.60 prints all of it on standard output, which is for results.
    """
    from ray._private import worker

    def log(data: dict[str, Any], ignore_prefix: bool) -> None:
        for message in data["lines"]:
            _log.warning("Ray: %s", message.strip().partition("\n")[0])

    worker.print_to_stdstream = log


def divide(nodes: list[dict[str, float]], gpus_per_trial: float | None) -> Share:
    """Divide the CPUs of each node between as many trials as its GPUs allow; without, give all.

    Args:
        nodes: Resources of each node, as Ray lists them.
        gpus_per_trial: As in `connect`.

    Raises ConfigError if no node is large enough: a trial never spans nodes.
    """
    most = max((node.get("GPU", 0) for node in nodes), default=0)
    gpus = min(most, 1) if gpus_per_trial is None else gpus_per_trial
    usable = [node for node in nodes if node.get("CPU", 0) >= 1 and node.get("GPU", 0) >= gpus]
    if not usable:
        raise ConfigError(
            f"No node of the Ray cluster has a CPU and {gpus:g} GPUs (the most are {most:g}), and "
            "nothing spans nodes; add a node, or for trials lower --gpus-per-trial."
            if gpus
            else "No node of the Ray cluster has a CPU; add one."
        )
    if gpus > 1 and gpus % 1:
        raise ConfigError(f"--gpus-per-trial is {gpus:g}; expected a whole number, or less than 1.")
    room = [node["GPU"] / gpus if gpus else 1 for node in usable]
    cpus = min(max(1, int(node["CPU"] / trials)) for node, trials in zip(usable, room, strict=True))
    at_once = sum(
        int(min(node["CPU"] / cpus, node["GPU"] / gpus if gpus else math.inf)) for node in usable
    )
    return Share(cpus, gpus, at_once)


def environment(run: Run) -> dict[str, str]:
    """Return the variables of a process on a node: the roots of a run, and some of this one."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_PASSED_ON) and not name.startswith(_TERRAFORM)
    }
    kept["SIGHTLINE_ARTIFACTS"] = str(run.workspace)
    if run.data_dir is not None:
        kept["SIGHTLINE_DATA_DIR"] = str(run.data_dir.resolve())
    return kept


def check_workspace(workspace: Workspace) -> None:
    """Raise ConfigError if a node does not have the folder of the artifacts."""
    import ray

    if workspace.url is None and not (workspace.root / LOCK).exists():
        raise ConfigError(
            f"{workspace} is not there on the Ray node {ray.util.get_node_ip_address()}; mount the "
            "same artifacts root on all nodes, or choose one on object storage with --artifacts."
        )


def limit_threads() -> None:
    """Let a task use as many threads as it has CPUs; one that has all of them is as if alone."""
    import ray

    cpus = int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1))
    keras_process().share = cpus if cpus < cores() else None
    os.environ.pop("OMP_NUM_THREADS", None)  # of Ray, which reaches the manifest
