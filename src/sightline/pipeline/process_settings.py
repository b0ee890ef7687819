"""How a Keras process is started."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessSettings:
    """What the bits of a training depend on."""

    use_gpu: bool = True  # False hides all GPUs
    threads: int | None = None  # Threads of an operation; None leaves the choice to the backend
    share: int | None = None  # Cores of a training beside others; None: all of them
    deterministic: bool = False  # True makes JAX compute deterministically on a GPU
    keras: bool = True  # False for functions that do without Keras, which is then not imported

    def environment(self, *, verbose: bool) -> dict[str, str]:
        """Return this environment with defaults, and with what the settings demand."""
        defaults = {
            # Warnings tell why a process died; its log is only shown then.
            "TF_CPP_MIN_LOG_LEVEL": "0" if verbose else "1",
            # Take GPU memory as it is needed: other processes may use the same GPU.
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }
        if self.threads is not None:
            defaults["TF_NUM_INTRAOP_THREADS"] = str(self.threads)
        if self.share is not None:
            defaults["OMP_NUM_THREADS"] = str(self.share)
        fixed = {} if self.use_gpu else {"CUDA_VISIBLE_DEVICES": "-1"}
        if self.deterministic:
            flags = os.environ.get("XLA_FLAGS", "")  # JAX reads them once, when it starts
            fixed["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
        return {**defaults, **os.environ, **fixed}
