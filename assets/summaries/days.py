"""Summaries of some days, composed: changed → consent → fence → what is new → redact → summarise → store.

Decided here:

* A summary is a lasting derivative of what a person said, so it needs what a memory needs: the consent `memory` as of
  each message's time. Messages it does not allow are left out; when it allows none, there is no summary, and one that
  was made before is removed.
* A summary is made anew only when its source changed: the messages it was made of, the names that redaction looks for,
  or the rules. So a day that is run again writes nothing.
* One batch of conversations is one transaction, under the shard locks an erasure takes as well; who is in the erasure
  ledger is looked up again right before the write. Killed anywhere, a batch is either stored whole or not at all.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING

import polars as pl

from assets.memory import (
    allowed_at,
    fenced,
    lock_shards,
    read_accounts,
    read_consents,
    recogniser,
    redact,
    unlock_shards,
)
from assets.summaries import store
from assets.summaries.calls import remove_withdrawn_calls
from assets.summaries.compose import METHOD, VERSION, Summary, summarise
from assets.summaries.read import CONVERSATIONS_AT_ONCE, batches, changed, said
from assets.summaries.sentences import Turn
from warehouse.shards import shard_number, shard_of

if TYPE_CHECKING:
    import psycopg

    from warehouse.stores import Stores

Boundary = Callable[[str], None]

SPEAKERS = {"user": "User", "assistant": "Assistant"}
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a key of a live service's crisis indicators must look like to be counted by name: a code, not words."""


@dataclass
class SummariesReport:
    """What a run did: conversations `read`, `written` (new or replaced), `unchanged`, `removed`, `without_consent`,
    `fenced`, `empty` (nothing said), messages read, seconds, and counts of what was written by sentiment and by
    leading theme.
    """

    read: int = 0
    written: int = 0
    unchanged: int = 0
    removed: int = 0
    without_consent: int = 0
    calls_removed: int = 0
    fenced: int = 0
    empty: int = 0
    messages: int = 0
    seconds: float = 0.0
    sentiments: Counter[str] = field(default_factory=Counter)
    themes: Counter[str] = field(default_factory=Counter)
    by_day: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, what: str, conversations: pl.DataFrame) -> None:
        """Add these conversations to a total and to each of their days."""
        setattr(self, what, getattr(self, what) + len(conversations))
        for day in conversations["days"].explode().drop_nulls().to_list():
            self.by_day.setdefault(day, Counter())[what] += 1


def summarise_days(
    stores: "Stores",
    first: date,
    last: date,
    *,
    now: datetime,
    size: int = CONVERSATIONS_AT_ONCE,
    boundary: Boundary | None = None,
) -> SummariesReport:
    """Summarise every conversation that changed from `first` to `last` (UTC days, both whole), each once.

    Args:
        stores: the stores.
        first: first day.
        last: last day.
        now: the run's clock, aware; written as `updated_at`.
        size: conversations a batch holds.
        boundary: called with the name of each side-effect boundary as it is reached.

    Raises:
        LiveUnavailable: Postgres is out of reach; batches before stay, the next run goes on from there.
    """
    began = perf_counter()
    report = SummariesReport()
    reached = boundary or _nothing
    for batch in batches(changed(stores.live, first, last), size):
        shards = sorted({shard_number(shard_of(user)) for user in batch["user_id"].unique()})
        with stores.live.connect(autocommit=True) as conn:
            lock_shards(conn, shards)
            try:
                _batch(stores, conn, batch, now, report, reached)
            finally:
                unlock_shards(conn, shards)
    with stores.live.connect() as conn:
        report.calls_removed = remove_withdrawn_calls(conn, stores)
    report.seconds = perf_counter() - began
    return report


def _batch(
    stores: "Stores",
    conn: "psycopg.Connection",
    batch: pl.DataFrame,
    now: datetime,
    report: SummariesReport,
    reached: Boundary,
) -> None:
    report.count("read", batch)
    users = batch["user_id"].unique().to_list()
    barred = fenced(conn, users)
    report.count("fenced", batch.filter(pl.col("user_id").is_in(list(barred))))
    open_ = batch.filter(~pl.col("user_id").is_in(list(barred)))
    if open_.is_empty():
        return
    spoken = said(stores.live, open_["conversation_id"].to_list())
    report.messages += len(spoken)
    reached("read")
    allowed = _allowed(stores, conn, spoken, users)
    accounts = read_accounts(conn, users)
    source = _hashes(allowed, accounts)
    held = store.stored(conn, open_["conversation_id"].to_list())
    known = open_.join(source, on="conversation_id", how="left").join(
        held.rename({"source_sha256": "held_sha256"}), on="conversation_id", how="left"
    )
    silent = known.filter(pl.col("source_sha256").is_null())
    report.count("empty", silent.join(spoken, on="conversation_id", how="anti"))
    report.count("without_consent", silent.join(spoken, on="conversation_id", how="semi"))
    gone = silent.filter(pl.col("id").is_not_null())
    told = known.filter(pl.col("source_sha256").is_not_null())
    due = told.filter(pl.col("source_sha256").ne_missing(pl.col("held_sha256")))
    report.count("unchanged", told.join(due, on="conversation_id", how="anti"))
    made = _made(stores, allowed.join(due, on="conversation_id", how="semi"), accounts)
    reached("summarised")
    rows = due.with_columns(
        metadata=pl.Series([_metadata(row, made) for row in due.iter_rows(named=True)], dtype=pl.String),
        crisis=pl.Series([made[talk][1] for talk in due["conversation_id"]], dtype=pl.String),
    )
    with conn.transaction():
        late = list(fenced(conn, users))
        rows = rows.filter(~pl.col("user_id").is_in(late))
        summaries = [made[talk][0] for talk in rows["conversation_id"]]
        store.write(conn, stores, rows, summaries, now=now)
        store.remove(conn, gone["conversation_id"].to_list())
        reached("store")
    reached("stored")
    report.count("written", rows)
    report.count("removed", gone)
    report.sentiments.update(one.sentiment for one in summaries)
    report.themes.update(str(one.themes[0]["theme"]) for one in summaries if one.themes)


def _allowed(stores: "Stores", conn: "psycopg.Connection", spoken: pl.DataFrame, users: Sequence[str]) -> pl.DataFrame:
    """The messages that consent allows as of their own time; columns of `MESSAGES`."""
    events = spoken.select("user_id", "at", source=pl.lit("message"))
    judged = allowed_at(read_consents(conn, users), events, default=stores.settings.consent_default)
    return spoken.filter(judged["allowed"])


def _hashes(allowed: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """`conversation_id, source_sha256, message_count`: hash of all that a summary is made of."""
    named: dict[str, str] = {}
    for (user,), rows in accounts.sort("user_id", "kind", "value").group_by("user_id", maintain_order=True):
        named[str(user)] = "\x1f".join(rows["kind"] + "=" + rows["value"])
    lines = allowed.select(
        "conversation_id",
        "user_id",
        line=pl.concat_str(
            "message_id",
            "role",
            pl.col("content"),
            pl.col("bytes").cast(pl.String),
            pl.col("sentiment_score").cast(pl.String),
            pl.col("requires_intervention").cast(pl.String),
            "crisis_indicators",
            "emotion",
            separator="\x1f",
            ignore_nulls=True,
        ),
    )
    records = []
    for (talk, user), rows in lines.group_by("conversation_id", "user_id", maintain_order=True):
        digest = sha256(f"{VERSION}\x1e{named.get(str(user), '')}\x1e".encode())
        digest.update("\x1e".join(rows["line"]).encode())
        records.append((talk, digest.hexdigest(), len(rows)))
    schema = {"conversation_id": pl.String, "source_sha256": pl.String, "message_count": pl.Int64}
    return pl.DataFrame(records, schema=schema, orient="row")


def _made(stores: "Stores", allowed: pl.DataFrame, accounts: pl.DataFrame) -> dict[str, tuple[Summary, str]]:
    """Conversation → its summary, and what the live services flagged in it as JSON text."""
    if allowed.is_empty():
        return {}
    clean = redact(allowed, accounts, entities=recogniser(stores.settings))
    talks: list[str] = []
    turns: list[list[Turn]] = []
    flags: list[str] = []
    for (talk,), rows in clean.group_by("conversation_id", maintain_order=True):
        talks.append(str(talk))
        turns.append(
            [
                Turn(SPEAKERS[role], text, score, emotion)
                for role, text, score, emotion in rows.select(
                    "role", "processed_content", "sentiment_score", "emotion"
                ).iter_rows()
            ]
        )
        flags.append(_flagged(rows))
    return {talk: (one, flag) for talk, one, flag in zip(talks, summarise(turns), flags, strict=True)}


def _flagged(rows: pl.DataFrame) -> str:
    """`messages` flagged, `interventions` required, `kinds` of code → messages; keys that are no codes are `other`."""
    bags = [json.loads(text) for text in rows["crisis_indicators"].to_list() if text not in {"{}", "[]", "null"}]
    interventions = int(rows["requires_intervention"].sum())
    if not bags and not interventions:
        return "{}"
    kinds: Counter[str] = Counter()
    for bag in bags:
        names = [name for name, value in bag.items() if value] if isinstance(bag, dict) else []
        kinds.update({name if _CODE.fullmatch(name) else "other" for name in names})
    flagged = {"messages": len(bags), "interventions": interventions, "kinds": dict(sorted(kinds.items()))}
    return json.dumps(flagged)


def _metadata(row: dict[str, object], made: dict[str, tuple[Summary, str]]) -> str:
    one = made[str(row["conversation_id"])][0]
    return json.dumps(
        {
            "method": METHOD,
            "version": VERSION,
            "message_count": row["message_count"],
            "source_sha256": row["source_sha256"],
            "source_chars": one.source_chars,
            "summary_chars": len(one.text),
            "sentences": one.units,
            "chosen": one.chosen,
            "sentiment_score": one.sentiment_score,
        }
    )


def _nothing(_reached: str) -> None:
    return None
