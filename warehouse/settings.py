"""Every knob of engram, its default and its unit, in one class.

Lives here: the settings class and the paths derived from `ENGRAM_HOME`.
Does not live here: anything that opens a store (see `stores.py`) or starts a server (see `embedded/`).
"""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment (`ENGRAM_…`) and an optional `.env` file; secrets never show in `repr`.

    Raises:
        pydantic.ValidationError: a value is out of its bounds; the message names the field.
    """

    model_config = SettingsConfigDict(
        env_prefix="ENGRAM_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    home: Path = Field(Path(".engram"), description="Folder of everything engram keeps on this machine.")

    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "SUPABASE_DATABASE_URL", "ENGRAM_DATABASE_URL"),
        description="Postgres to use instead of the embedded one.",
    )
    database_read_url: SecretStr | None = Field(
        None, description="A replica for bulk reads; the primary is read when it is not set."
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", "ENGRAM_REDIS_URL"),
        description="Redis to use instead of the embedded one.",
    )
    lancedb_uri: str | None = Field(
        None,
        validation_alias=AliasChoices("LANCEDB_URI", "ENGRAM_LANCEDB_URI"),
        description="LanceDB folder or object-store URI; `<home>/lancedb` when not set.",
    )
    lake_uri: str | None = Field(None, description="Lake folder or URI; `<home>/lake` when not set.")
    dagster_database: str = Field("engram_dagster", description="Database of Dagster's own storage, same server.")

    master_key: SecretStr | None = Field(
        None, description="Base64 of 32 bytes that wrap the users' data keys; else `master_key_file`."
    )
    master_key_file: Path | None = Field(
        None, description="File of the master key; `<home>/keys/master.key` (0600) is made when neither is set."
    )

    master_key_previous: SecretStr | None = Field(
        None, description="Base64 of the master key before a change, until `engram run rekey` has wrapped all anew."
    )
    master_key_previous_file: Path | None = Field(None, description="The same, in a file.")

    allow_superuser: bool = Field(
        False, description="Let a superuser or BYPASSRLS login serve outside the embedded default (tests only)."
    )

    postgres_port: int = Field(0, ge=0, le=65535, description="Embedded Postgres TCP port on 127.0.0.1; 0 picks one.")
    redis_port: int = Field(0, ge=0, le=65535, description="Embedded Redis TCP port on 127.0.0.1; 0 picks one.")
    ui_port: int = Field(3000, ge=1, le=65535, description="Port of the Dagster UI on 127.0.0.1.")

    consent_default: Literal["deny", "allow"] = Field(
        "deny", description="What the absence of a consent row means for memory and turns."
    )
    embedder: str = Field("wordllama", description="Embedding model that memories and turns are stored with.")
    embedder_url: str | None = Field(None, description="OpenAI-compatible endpoint up to /v1, for `openai:MODEL`.")
    embedder_key: SecretStr | None = Field(None, description="Bearer key of that endpoint.")
    entity_recogniser: str | None = Field(
        None, description="Named-entity model for redaction, `MODULE:FACTORY`; none finds structured identifiers only."
    )
    memory_batch_items: int = Field(8_000, ge=1, description="Items one consolidation batch holds in memory.")
    memory_item_bytes: int = Field(262_144, ge=1_024, description="Largest Redis item taken as a memory, bytes.")
    memory_retire_share: float = Field(
        0.2, gt=0, le=1, description="Share of a user's active memories one run may retire before it stops for them."
    )
    backlog_items: int = Field(10_000, ge=1, description="Redis items waiting that start a consolidation.")
    far_future: int = Field(300, ge=0, description="Seconds a timestamp may lie ahead of now before it is refused.")

    load_batch_rows: int = Field(50_000, ge=1, description="Records one batch of `engram load` holds in memory.")
    read_batch_rows: int = Field(65_536, ge=1_024, description="Rows per record batch of bulk reads.")
    late_days: int = Field(3, ge=0, description="Days after which a mart day is final.")
    partitions_ahead: int = Field(3, ge=1, description="Months of message partitions kept ready.")
    detach_wait_days: int = Field(7, ge=0, description="Days between detaching a partition and dropping it.")
    releases_keep: int = Field(7, ge=1, description="DuckDB releases kept for comparison.")
    suppress_below: int = Field(11, ge=2, description="Distinct users under which an aggregate cell is hidden.")
    round_to: int = Field(5, ge=1, description="Counts in the aggregate file are rounded to this.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def embedded_postgres(self) -> bool:
        """True when engram runs its own Postgres."""
        return self.database_url is None

    @property
    def embedded_redis(self) -> bool:
        """True when engram runs its own Redis."""
        return self.redis_url is None

    @property
    def lancedb(self) -> str:
        """LanceDB location in force."""
        return self.lancedb_uri or str(self.home / "lancedb")

    @property
    def lake(self) -> str:
        """Lake location in force."""
        return self.lake_uri or str(self.home / "lake")

    @property
    def releases(self) -> Path:
        """Folder of the DuckDB release files."""
        return self.home / "releases"

    @property
    def warehouse_file(self) -> Path:
        """Published aggregates for analysts."""
        return self.home / "warehouse.duckdb"

    @property
    def restricted_file(self) -> Path:
        """Published user-grain marts, pseudonymous."""
        return self.home / "restricted.duckdb"

    @property
    def archive(self) -> Path:
        """Folder of encrypted Parquet archives of dropped partitions."""
        return self.home / "archive"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
