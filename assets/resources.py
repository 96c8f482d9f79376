"""Dagster's handle on the stores."""

from dagster import ConfigurableResource
from pydantic import PrivateAttr

from warehouse.settings import get_settings
from warehouse.stores import Stores


class StoresResource(ConfigurableResource[Stores]):
    """The stores of this process's settings; `stores.live`, `stores.shortterm`, … open on first use."""

    _stores: Stores | None = PrivateAttr(default=None)

    def open(self) -> Stores:
        """The stores, one set per process."""
        if self._stores is None:
            self._stores = Stores(get_settings())
        return self._stores
