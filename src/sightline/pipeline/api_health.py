"""Whether a Prefect API answers. Its address may hold a password, so no message repeats it."""

import httpx

from sightline.errors import ServerError

_ANSWER_SECONDS = 10


def check_api(url: str) -> str:
    """Ask an API for its health.

    Args:
        url: Its address, such as `http://127.0.0.1:4200/api`.

    Returns:
        Its host, which may be shown.

    Raises:
        ServerError: The address is none, holds a password, or nobody answers there.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if "@" in url:
        # Prefect would show it: in its log, in its pages, in the messages about runs.
        raise ServerError(
            "PREFECT_API_URL holds a user or a password; take them out and set "
            "PREFECT_API_AUTH_STRING=USER:PASSWORD."
        )
    if fault := _fault(address, f"{url.rstrip('/')}/health"):
        raise ServerError(
            f"The Prefect API of PREFECT_API_URL does not answer ({fault}); start it with "
            "`make server`, mend the address, or unset it to run without a server."
        )
    return address.host


def _fault(address: httpx.URL, health: str) -> str | None:
    if address.scheme not in {"http", "https"} or not address.host:
        return "it is no http:// or https:// address"
    try:
        answer = httpx.get(health, timeout=_ANSWER_SECONDS)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return None if answer.is_success else f"it answered {answer.status_code} {answer.reason_phrase}"
