"""Reads TOML, whose every error is a sentence, and writes single values."""

import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sightline.errors import ConfigError

_MAX_FILE_BYTES = 1 << 20


def read(path: Path) -> bytes:
    """Read a file of at most 1 MiB; raise ConfigError if there is none or it is longer."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"Cannot read the config file {path}: {error.strerror}.") from None
    if len(content) > _MAX_FILE_BYTES:
        raise ConfigError(
            f"The config file {path} is longer than {_MAX_FILE_BYTES:,} bytes; expected a few "
            "lines of TOML."
        )
    return content


def parse(content: bytes, path: Path) -> dict[str, Any]:
    """Parse the content of a file; raise ConfigError with the line of what is not TOML."""
    try:
        return _loads(content.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(
            f"The config file {path} is not valid TOML: {error}. For an example, run "
            "`sightline config init`."
        ) from None


def parse_value(text: str) -> Any:
    """Parse a single value; what is no TOML is a string."""
    try:
        parsed = _loads(f"value = {text}")
    except ValueError:
        return text
    return parsed["value"] if len(parsed) == 1 else text  # a newline could start another key


def write_value(value: Any) -> str:
    """Write a value of a config as TOML, on one line."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {write_value(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(write_value, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def write_setting(value: Any) -> str:
    """Write a value for `--set`, where text needs no quotation marks."""
    return value if isinstance(value, str) else write_value(value)


def _loads(text: str) -> dict[str, Any]:
    """Parse TOML; every error is a ValueError, even for deeply nested values."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
