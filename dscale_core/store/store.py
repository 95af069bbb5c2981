"""`Store`: the cache folder by its parts."""

from __future__ import annotations

from pathlib import Path

from dscale_core.store.catalog import Catalog
from dscale_core.store.datasets import Datasets
from dscale_core.store.files import cache_folder
from dscale_core.store.fits import Fits
from dscale_core.store.jobs import Jobs
from dscale_core.store.lists import Lists
from dscale_core.store.point_values import PointValues
from dscale_core.store.shards import Shards
from dscale_core.store.studies import Studies

__all__ = ["Store"]


class Store:
    """A cache folder. Nothing is created before the first write; reading an absent folder finds nothing.

    Every method raises StoreError where the folder cannot be read or written, and says what to do.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = cache_folder(folder)
        catalog = Catalog(self.folder)
        self.datasets = Datasets(catalog)
        self.studies = Studies(catalog, self.datasets)
        self.shards = Shards(catalog)
        self.fits = Fits(catalog)
        self.jobs = Jobs(catalog)
        self.values = PointValues(catalog)
        self.lists = Lists(catalog)
