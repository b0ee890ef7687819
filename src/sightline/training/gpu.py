"""The GPUs of this machine, asked of the driver: no framework is imported, so it takes no time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pynvml

from sightline.errors import DeviceError
from sightline.records import Gpu

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible() -> tuple[Gpu, ...]:
    """List the GPUs that this process may use, as far as NVIDIA's driver knows.

    Returns:
        The GPUs in the driver's order; none where there is no driver.
    """
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
    """Make sure that there is a GPU.

    Raises:
        DeviceError: There is none, or none that this process may use; the message says what
            the driver answered.
    """
    found = visible()
    if not found:
        raise DeviceError(
            f"A GPU is expected here, but {_reason()}; run the worker of this pool on a machine "
            "with a GPU, or set SIGHTLINE_GPU=optional in its environment to train without one."
        )
    return found


def _reason() -> str:
    try:
        with _driver():
            count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        return f"NVIDIA's driver answers: {error}"
    hidden = os.environ.get(_VISIBLE)
    return f"of the driver's {count} GPUs none is visible ({_VISIBLE} is {hidden!r})"


@contextmanager
def _driver() -> Iterator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def _is_visible(number: int, uuid: str) -> bool:
    """Tell whether CUDA may use a GPU; of which one a MIG slice is a part is not asked."""
    chosen = os.environ.get(_VISIBLE)
    if chosen is None:
        return True
    wanted = [part.strip() for part in chosen.split(",") if part.strip()]
    return str(number) in wanted or any(
        part.startswith("MIG-") or (part.startswith("GPU-") and uuid.startswith(part))
        for part in wanted
    )
