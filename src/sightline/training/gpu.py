"""The GPUs of this machine, as the driver lists them; fast, since it imports no framework."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pynvml

from sightline.errors import DeviceError
from sightline.records import Gpu

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible() -> tuple[Gpu, ...]:
    """List the GPUs that this process may use, in the order of NVIDIA's driver, if there is one."""
    try:
        with _driver():
            version = pynvml.nvmlSystemGetDriverVersion()
            handles = [
                pynvml.nvmlDeviceGetHandleByIndex(number)
                for number in range(pynvml.nvmlDeviceGetCount())
            ]
            return tuple(
                Gpu(
                    name=pynvml.nvmlDeviceGetName(handle),
                    driver=version,
                    memory_bytes=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
                )
                for number, handle in enumerate(handles)
                if _is_visible(number, pynvml.nvmlDeviceGetUUID(handle))
            )
    except pynvml.NVMLError:
        return ()


def require() -> tuple[Gpu, ...]:
    """List the GPUs like `visible`; raise DeviceError if there is none."""
    found = visible()
    if found:
        return found
    try:
        with _driver():
            count = pynvml.nvmlDeviceGetCount()
        chosen = os.environ.get(_VISIBLE)
        reason = f"none of the {count} GPUs is visible ({_VISIBLE} is {chosen!r})"
    except pynvml.NVMLError as error:
        reason = f"the NVIDIA driver reports: {error}"
    raise DeviceError(
        f"A GPU is required here, but {reason}; run the worker of this pool on a machine "
        "with a GPU, or set SIGHTLINE_GPU=optional in its environment to train without one."
    )


@contextmanager
def _driver() -> Iterator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def _is_visible(number: int, uuid: str) -> bool:
    """Return whether CUDA may use a GPU; any MIG slice counts as visible."""
    chosen = os.environ.get(_VISIBLE)
    if chosen is None:
        return True
    wanted = [part.strip() for part in chosen.split(",")]
    return str(number) in wanted or any(
        part.startswith("MIG-") or (part.startswith("GPU-") and uuid.startswith(part))
        for part in wanted
    )
