"""What the server counts, in the form that Prometheus reads."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from sightline.prediction.serving.engine import Engine

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_OUTCOMES = {401: "unauthorized", 408: "timeout", 413: "too_large", 503: "busy", 504: "timeout"}
DISCONNECTED = 499
"""Status of a request whose client went away, as nginx counts it."""


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        """Create them, at zero."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "sightline_requests",
            "Requests by outcome",
            ("endpoint", "outcome"),
            registry=registry,
        )
        self._seconds = Histogram(
            "sightline_request_seconds",
            "Seconds from the head of a request to the end of its answer",
            ("endpoint",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch = Histogram(
            "sightline_batch_images",
            "Images that the model predicts at once",
            buckets=_IMAGES,
            registry=registry,
        )
        self.queue = Gauge(
            "sightline_queue_images",
            "Images that are read, decoded or waiting for the model",
            registry=registry,
        )
        self.predictions = Counter(
            "sightline_predictions", "Predictions by class", ("label",), registry=registry
        )
        self.abstentions = Counter(
            "sightline_abstentions",
            "Predictions below the required confidence",
            registry=registry,
        )
        self.swaps = Counter(
            "sightline_model_swaps",
            "Models that replaced another one, or were refused",
            ("outcome",),
            registry=registry,
        )
        self._model = Gauge(
            "sightline_model_info",
            "The model that answers",
            ("model", "version", "sha256"),
            registry=registry,
        )

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        outcome = _OUTCOMES.get(status) or (
            "ok"
            if status < 400  # noqa: PLR2004 - classes of HTTP statuses
            else "disconnected"
            if status == DISCONNECTED
            else "refused"
            if status < 500  # noqa: PLR2004
            else "failed"
        )
        self._requests.labels(endpoint, outcome).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def show_model(self, engine: Engine) -> None:
        """Name the model that answers from now on."""
        self._model.clear()
        self._model.labels(engine.name, engine.version, engine.sha256).set(1)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return bytes(generate_latest(self.registry))
