"""The four stores and the lake, opened from settings. Heavy clients are imported when first used."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from warehouse.settings import Settings

if TYPE_CHECKING:
    from warehouse.lake import Lake
    from warehouse.live import Live
    from warehouse.longterm import LongTerm
    from warehouse.shortterm import ShortTerm
    from warehouse.vault import Vault


@dataclass(frozen=True)
class Stores:
    """Every store behind one set of settings; starts the embedded servers on first use where no URL is set."""

    settings: Settings

    @cached_property
    def live(self) -> "Live":
        from warehouse.embedded import postgres_url
        from warehouse.live import Live
        from warehouse.live.login import refuse_unsafe_login

        read_url = self.settings.database_read_url
        live = Live(postgres_url(self.settings), read_url=read_url.get_secret_value() if read_url else None)
        if not (self.settings.embedded_postgres or self.settings.allow_superuser):
            refuse_unsafe_login(live)
        return live

    @cached_property
    def shortterm(self) -> "ShortTerm":
        from warehouse.embedded import redis_url
        from warehouse.shortterm import ShortTerm

        return ShortTerm(redis_url(self.settings))

    @cached_property
    def longterm(self) -> "LongTerm":
        from warehouse.longterm import LongTerm

        return LongTerm(self.settings.lancedb)

    @cached_property
    def lake(self) -> "Lake":
        from warehouse.lake import Lake

        return Lake(self.settings.lake)

    @cached_property
    def vault(self) -> "Vault":
        from warehouse.master_key import master_key, previous_master_key
        from warehouse.vault import Vault

        return Vault(self.live, master_key(self.settings), previous=previous_master_key(self.settings))
