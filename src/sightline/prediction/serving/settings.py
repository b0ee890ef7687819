"""Settings of the server."""

from dataclasses import dataclass, field
from importlib.util import find_spec

from sightline.errors import ConfigError

_NEEDED = ("uvicorn", "onnxruntime", "prometheus_client", "python_multipart", "tf2onnx")


@dataclass(frozen=True)
class Settings:
    """How requests are batched, and what is refused."""

    max_batch: int = 32  # Images that the model predicts at once
    max_wait: float = 0.005  # Seconds a batch waits for images that are being decoded
    max_queue: int = 512  # Images of all requests at work; more are refused with 503
    timeout: float = 30.0  # Seconds from the first byte of a request to its answer
    max_body: int = 16 << 20  # Bytes of a request
    max_bodies: int = 256 << 20  # Bytes of all requests at work
    max_images: int = 64  # Images of a request
    max_pixels: int = 50_000_000  # Pixels of an image, before it is decoded
    abstain_below: float = 0.0  # Probability below which the model abstains
    poll: float = 5.0  # Seconds between two looks at the registry
    token: str | None = field(default=None, repr=False)  # What requests must show

    def __post_init__(self) -> None:
        """Raise ConfigError if a request could never be answered."""
        if self.max_images > self.max_queue:
            raise ConfigError(
                f"--max-images is {self.max_images}, more than --max-queue, {self.max_queue}; such "
                "a request would always be refused: raise --max-queue."
            )


def check_installed() -> None:
    """Raise ConfigError if a library of the extra `serve` is missing."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise ConfigError(
            f'The server needs {", ".join(missing)}; run pip install "sightline[serve]".'
        )
