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
    """List the GPUs like `visible`, but require at least one.

    Raises DeviceError if there is none that this process may use.
    """
    found = visible()
    if not found:
        raise DeviceError(
            f"A GPU is required here, but {_reason()}; run the worker of this pool on a machine "
            "with a GPU, or set SIGHTLINE_GPU=optional in its environment to train without one."
        )
    return found


def _reason() -> str:
    try:
        with _driver():
            count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        return f"the NVIDIA driver reports: {error}"
    hidden = os.environ.get(_VISIBLE)
    return f"none of the {count} GPUs is visible ({_VISIBLE} is {hidden!r})"


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
    wanted = [part.strip() for part in chosen.split(",") if part.strip()]
    return str(number) in wanted or any(
        part.startswith("MIG-") or (part.startswith("GPU-") and uuid.startswith(part))
        for part in wanted
    )
