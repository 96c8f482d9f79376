"""Between screening and consent: which items only say again what engram or the assistant said, and are no evidence.

Decided here (each has a test):

* An item that says of itself, or whose message says, that it came out of recall is an echo, whatever its words: it is
  counted and acknowledged, nothing of it is kept. A memory must not grow stronger by being read.
* An item of an assistant's or a system's turn, by its own word or by its message, is never a fact about the person.
  When it has the very words of a memory that is there it is an echo too; else its bytes go to quarantine.
* A person's own turn that repeats a memory is evidence, as ever.

The item says so with `recalled: true` or `role`, at its top or in `metadata` or `service_context`. Its message is
looked up by `message_id` among the person's own, within a week of the item's time.
Does not live here: messages the live path missed (`missed.py` leaves these turns out by itself).
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from assets.memory.screen import REFUSED, SCREENED

if TYPE_CHECKING:
    import psycopg

OTHERS = frozenset({"assistant", "system"})
"""Roles whose words are not the person's."""

REASON = "assistant_turn"

_NEAR = "7 days"
"""How far a message may lie from the item that names it: the bound that keeps the look-up to one or two partitions."""

_MESSAGES = f"""
SELECT k.position, m.role, m.recalled
FROM unnest(%(positions)s::int[], %(users)s::uuid[], %(ids)s::uuid[], %(times)s::timestamptz[])
     AS k(position, user_id, id, at)
CROSS JOIN LATERAL (
  SELECT m.role, COALESCE(m.service_context->>'recalled', 'false') = 'true' AS recalled FROM app.messages m
  WHERE m.id = k.id AND m.user_id = k.user_id
    AND m.created_at BETWEEN k.at - interval '{_NEAR}' AND k.at + interval '{_NEAR}'
    AND m.created_at BETWEEN %(first)s::timestamptz - interval '{_NEAR}' AND %(last)s::timestamptz + interval '{_NEAR}'
  LIMIT 1
) m
WHERE m.recalled OR m.role <> 'user'
"""  # noqa: S608 - the interval is a constant of this code

_KNOWN = """
SELECT k.position FROM unnest(%s::int[], %s::uuid[], %s::bytea[]) AS k(position, user_id, digest)
JOIN memory.items i ON i.user_id = k.user_id AND i.content_sha256 = k.digest
"""


@dataclass(frozen=True)
class Heard:
    """Screened items, parted.

    Attributes:
        own: what the person said, columns of `screen.SCREENED`.
        echoes: users of items that are echoes, one per item.
        refused: of others' turns, columns of `screen.REFUSED`.
    """

    own: pl.DataFrame
    echoes: list[str]
    refused: pl.DataFrame


def heard(conn: "psycopg.Connection", items: pl.DataFrame) -> Heard:
    """Part the items of one source by whose words they are.

    Args:
        items: columns of `screen.SCREENED`.
    """
    marked = {**_by_message(conn, items), **_by_itself(items)}
    if not marked:
        return Heard(items, [], pl.DataFrame(schema=REFUSED))
    recalled = {place for place, came_back in marked.items() if came_back}
    others = items.filter(pl.col("position").is_in([place for place in marked if place not in recalled]))
    repeated = _repeated(conn, others)
    echoes = items.filter(pl.col("position").is_in([*recalled, *repeated]))
    refused = others.filter(~pl.col("position").is_in(repeated)).select(
        "position",
        reason=pl.lit(REASON),
        detail=pl.lit("item: words of an assistant's or a system's turn; expected the person's own"),
    )
    return Heard(
        items.filter(~pl.col("position").is_in(list(marked))).select(list(SCREENED)),
        echoes["user_id"].to_list(),
        refused.cast(REFUSED),  # type: ignore[arg-type]
    )


def _by_itself(items: pl.DataFrame) -> dict[int, bool]:
    """Position → whether it came out of recall, for items that name another's role or recall in their further keys."""
    told = items.filter(pl.col("extra").str.contains(r'"(?:recalled|role)"')).select("position", "extra")
    found = {}
    for position, extra in told.iter_rows():
        document = json.loads(extra)
        parts = [part for part in (document, document.get("metadata"), document.get("service_context"))
                 if isinstance(part, dict)]  # fmt: skip
        came_back = any(part.get("recalled") is True or part.get("recalled") == "true" for part in parts)
        if came_back or any(isinstance(part.get("role"), str) and part["role"].lower() in OTHERS for part in parts):
            found[position] = came_back
    return found


def _by_message(conn: "psycopg.Connection", items: pl.DataFrame) -> dict[int, bool]:
    """The same, for items that name a message of another's turn or one that is marked as recalled."""
    named = items.filter(pl.col("message_id").is_not_null()).select("position", "user_id", "message_id", "at")
    if named.is_empty():
        return {}
    rows = conn.execute(
        _MESSAGES,
        {
            **dict(zip(("positions", "users", "ids", "times"), (column.to_list() for column in named), strict=True)),
            "first": named["at"].min(),
            "last": named["at"].max(),
        },
    ).fetchall()
    return {position: recalled for position, _, recalled in rows}


def _repeated(conn: "psycopg.Connection", others: pl.DataFrame) -> list[int]:
    """Positions of those whose very words are a memory of the same person."""
    if others.is_empty():
        return []
    digests = [sha256(text.encode()).digest() for text in others["content"]]
    rows = conn.execute(_KNOWN, [others["position"].to_list(), others["user_id"].to_list(), digests]).fetchall()
    return [position for (position,) in rows]
