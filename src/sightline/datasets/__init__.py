"""Where images come from: named data sets, your own files, and how each is read.

locate -> Source                what lies there, and the digest of its content
fetch  -> list of raw files     a named data set, verified
layout, catalogue               what a path or a name stands for
idx, npz, folder, parquet, csv, embedded    one module a format, each returning a `Reading`
"""

from sightline.datasets.fetching import fetch
from sightline.datasets.location import locate, slug

__all__ = ["fetch", "locate", "slug"]
