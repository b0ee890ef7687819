"""Train image classifiers as a reproducible pipeline; see docs/python.md.

The names of `sightline.api` are loaded when they are first used, so that the import is fast.
"""

from typing import TYPE_CHECKING, Any

from sightline import errors as errors

__all__ = ["Run", "Search", "datasets", "errors", "load", "runs", "train", "tune"]

if TYPE_CHECKING:
    from sightline.api import Run as Run
    from sightline.api import Search as Search
    from sightline.api import datasets as datasets
    from sightline.api import load as load
    from sightline.api import runs as runs
    from sightline.api import train as train
    from sightline.api import tune as tune
else:  # a type checker would take every name for a public one

    def __getattr__(name: str) -> Any:
        """Load a public name."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from sightline import api

        return getattr(api, name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
