"""Turns and lake days past their cut-off: gone from reads and from the disk, held ones kept."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from assets.retention.turns import expired_days, purge_lake, purge_turns
from tests import builders
from warehouse.lake import Lake
from warehouse.live import Live
from warehouse.longterm import LongTerm
from warehouse.settings import Settings

CUTOFF = datetime(2025, 5, 21, 2, tzinfo=UTC)


def turn(longterm: LongTerm, name: str, user: object, at: datetime) -> None:
    frame = pl.DataFrame(
        {
            "id": [name],
            "user_id": [str(user)],
            "content": [f"violet heron {name}"],
            "context": [f"violet heron {name}"],
            "type": ["message"],
            "significance_level": ["low"],
            "created_at": [at],
            "vector": [np.eye(1, 8, dtype=np.float32)[0].tolist()],
            "content_sha256": ["0" * 64],
        },
        schema_overrides={"vector": pl.Array(pl.Float32, 8), "created_at": pl.Datetime("us", "UTC")},
    )
    longterm.upsert("turns", frame, model="test")


def on_disk(settings: Settings, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in Path(settings.lancedb).rglob("*") if path.is_file())


def test_old_turns_and_their_bytes_go_at_once(live: Live, longterm: LongTerm, settings: Settings) -> None:
    user, held = builders.user(live), builders.user(live)
    with live.connect() as connection:
        connection.execute("INSERT INTO compliance.legal_holds (user_id, reason) VALUES (%s, 'court')", (held,))
    turn(longterm, "old", user, CUTOFF - timedelta(seconds=1))
    turn(longterm, "held", held, CUTOFF - timedelta(seconds=1))
    turn(longterm, "edge", user, CUTOFF)
    assert purge_turns(live, longterm, cutoff=CUTOFF) == 1
    assert sorted(longterm.rows("turns", user_ids=[str(user), str(held)], columns=["id"])["id"]) == ["edge", "held"]
    assert not on_disk(settings, "violet heron old")
    assert purge_turns(live, longterm, cutoff=CUTOFF + timedelta(days=1)) == 1
    assert not on_disk(settings, "violet heron edge")


def test_where_nothing_expired_nothing_is_rewritten(live: Live, longterm: LongTerm) -> None:
    turn(longterm, "young", builders.user(live), CUTOFF)
    version = longterm.version("turns")
    assert purge_turns(live, longterm, cutoff=CUTOFF) == 0
    assert longterm.version("turns") == version


def test_no_table_of_turns_is_nothing_to_do(live: Live, longterm: LongTerm) -> None:
    assert purge_turns(live, longterm, cutoff=CUTOFF) == 0


def test_lake_days_past_seven_years_go(lake: Lake) -> None:
    frame = pl.DataFrame({"key": [1]})
    for day in (date(2019, 11, 20), date(2019, 11, 21)):
        lake.write("dim_date", day, frame, key=["key"])
    cutoff = datetime(2019, 11, 21, 2, tzinfo=UTC)
    assert expired_days(lake, cutoff) == {"dim_date": [date(2019, 11, 20)]}
    assert purge_lake(lake, cutoff) == {"dim_date": 1}
    assert lake.partitions("dim_date") == [date(2019, 11, 21)]
