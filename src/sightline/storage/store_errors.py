"""Turns errors of the object storage client into Sightline's; its texts may hold secrets."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sightline.errors import BusyStorageError, StorageError

_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist")
_NOT_ALLOWED = re.compile(
    "ExpiredToken|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|AccessDenied|Missing[A-Z]"
    r"|//169\.254\.|metadata\.google\.internal|oauth2\.googleapis\.com"
)
_BROKEN_OFF = re.compile("body error|error decoding|IncompleteBody")
_STATUS = re.compile(r"status code: (?!408|429)(4\d\d|501)")


class BrokenOffError(BusyStorageError):
    """An answer ended too early, which the client does not repeat."""


@contextmanager
def converted(url: str) -> Iterator[None]:
    """Turn errors of the client into StorageError or BusyStorageError.

    The refusals of conditional writes pass unchanged.
    """
    from obstore import exceptions

    try:
        yield
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
        raise
    except (exceptions.BaseError, FileNotFoundError, TimeoutError, ConnectionError) as error:
        raise _as_storage_error(url, error) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of the client, in Rust; it has no module
            raise
        raise StorageError(
            f"The client of {url} cannot use the settings of the environment; look for blanks and "
            "line breaks in the region, the endpoint and the credentials."
        ) from None


def check_bucket(error: Exception) -> None:
    """Raise an error again if the bucket is missing, not only the object."""
    if _NO_BUCKET.search(str(error)):
        raise FileNotFoundError(str(error))


def _as_storage_error(url: str, error: Exception) -> StorageError:
    from obstore import exceptions

    text = str(error)
    if isinstance(error, exceptions.InvalidPathError):
        return StorageError(
            f"{url} has an object whose name is no path of a file, such as one with // or ..; "
            "rename or remove it."
        )
    if _NO_BUCKET.search(text) or isinstance(error, FileNotFoundError):
        return StorageError(f"The bucket of {url} does not exist; create it, or fix the URL.")
    denied = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
    if isinstance(error, denied) or _NOT_ALLOWED.search(text):
        return StorageError(
            f"Access to {url} was denied: its credentials are missing, expired or do not allow "
            "this; renew them in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
            "AWS_SESSION_TOKEN for S3), then run again."
        )
    if found := _STATUS.search(text):
        return StorageError(
            f"{url} refused a request with status {found[1]}; check the URL and the endpoint."
        )
    kind = BrokenOffError if _BROKEN_OFF.search(text) else BusyStorageError
    return kind(
        f"{url} did not answer as expected after several attempts. Finished stages are intact: "
        "run again, and check the connection and the service if this happens again."
    )
