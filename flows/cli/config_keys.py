"""What a command says about an option that is a config key, such as `--epochs`."""

from typing import Any

from typer.core import TyperCommand

from sightline.config import explain
from sightline.errors import ConfigError


class ConfigKeysCommand(TyperCommand):
    """A command that refuses options such as `--epochs` with the config key and `--set`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; raise ConfigError for an unknown option that is a config key."""
        known = {name for one in self.params for name in (*one.opts, *one.secondary_opts)}
        for argument in args:
            option = argument.partition("=")[0]
            if not option.startswith("--") or option in known:
                continue
            if key := explain.key_of(option.lstrip("-").replace("-", "_")):
                raise ConfigError(
                    f"There is no option {option}; it is the config key {key}: "
                    f"use --set {key}=VALUE."
                )
        return super().parse_args(ctx, args)
