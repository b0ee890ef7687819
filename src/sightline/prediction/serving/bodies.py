"""Read the images of a request: a form with files, or JSON with base64."""

import base64
import binascii
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from sightline.prediction.serving import errors
from sightline.prediction.serving.service import Upload
from sightline.storage import json_digest
from sightline.storage.text import printable, quoted

_LONGEST_NAME = 200
_FIELDS = 16  # Of a form, besides its files
_EXPECTED = (
    "expected a form with image files (multipart/form-data), or "
    '{"images": ["<base64>", ...]} as application/json'
)
M = TypeVar("M", bound=BaseModel)


class JsonImages(BaseModel):
    """Images as base64."""

    model_config = ConfigDict(extra="forbid")
    images: Annotated[list[str], Field(min_length=1)]


class _InMemory(MultiPartParser):
    """Keeps files in memory, which the limit of the body bounds."""

    spool_max_size = 1 << 40


async def read_uploads(request: Request, most: int) -> list[Upload]:
    """Return the images of a request, one to `most`; raise RefusedError if there are none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _form_uploads(request, most)
    if kind == "application/json":
        given = await read_json(request, JsonImages)
        check_count(len(given.images), most)
        return [
            Upload(f"images[{number}]", decode_base64(text, f"images[{number}]"))
            for number, text in enumerate(given.images)
        ]
    raise errors.invalid(f"The content type is {quoted(repr(kind))}; {_EXPECTED}.")


async def read_json(request: Request, kind: type[M]) -> M:
    """Return the body as a model; raise RefusedError if it is not one."""
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        reason = printable(json_digest.reason(error))
        raise errors.invalid(f"The JSON cannot be used ({reason}); see /docs.") from None


def decode_base64(text: str, name: str) -> bytes:
    """Return the bytes; raise RefusedError if the text is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.invalid(f"{name} is not base64 ({error}).") from None


def check_count(images: int, most: int) -> None:
    """Raise RefusedError if a request has too many images."""
    if images > most:
        raise errors.invalid(
            f"The request has {images:,} images, expected at most {most:,}; send several requests."
        )


async def _form_uploads(request: Request, most: int) -> list[Upload]:
    parser = _InMemory(request.headers, request.stream(), max_files=most, max_fields=_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        reason = printable(error.message).rstrip(".")
        raise errors.invalid(f"The form cannot be read ({reason}); {_EXPECTED}.") from None
    try:
        return await _files(form)
    finally:
        await form.close()


async def _files(form: FormData) -> list[Upload]:
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise errors.invalid(f"The form has no file; {_EXPECTED}.")
    return [
        Upload(
            quoted(file.filename, _LONGEST_NAME) if file.filename else f"file {number}",
            await file.read(),
        )
        for number, file in enumerate(files)
    ]
