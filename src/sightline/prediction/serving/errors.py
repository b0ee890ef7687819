"""Refusals of the server: a status of HTTP and one sentence."""

from collections.abc import Mapping
from http import HTTPStatus


class RefusedError(Exception):
    """A request that is not answered; the sentence goes to whoever asked."""

    def __init__(
        self, status: HTTPStatus, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Keep status, sentence and headers of the answer."""
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, dict(headers or {})


def busy(what: str) -> RefusedError:
    """Return the refusal of a request for which there is no room now."""
    return RefusedError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"The server is busy: {what}; try again in a second.",
        {"Retry-After": "1"},
    )


def invalid(sentence: str) -> RefusedError:
    """Return the refusal of a request that cannot be read."""
    return RefusedError(HTTPStatus.BAD_REQUEST, sentence)
