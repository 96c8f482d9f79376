"""F01: kill -9 after every side effect of a whole round of memory, and before the first: withdrawal, consolidation,
missed turns, fading, weekly summaries. The boundaries are those the round names: a new one is killed at too."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from assets.memory.rounds import go_round
from tests import builders
from tests.assets.memory import arriving
from tests.killed import KILLED, forking
from warehouse.shards import SHARDS, shard_of
from warehouse.stores import Stores

LATER = arriving.NOW + timedelta(days=300)

PROGRAM = """
from datetime import datetime

from assets.memory import episodes, fade, missed, withdraw
from assets.memory.rounds import go_round
from tests.killed import at_boundary
from warehouse.settings import get_settings
from warehouse.shards import shard_of
from warehouse.stores import Stores

def run(user, fatal, now):
    boundary = at_boundary(int(fatal))
    go_round(
        Stores(get_settings()), [shard_of(user)], now=datetime.fromisoformat(now), boundary=boundary, retire_share=1
    )
"""


def _lived(stores: Stores, users: list[str]) -> None:
    """A round that was, and since then something of each of them for every step of the next."""
    firsts = [_before(stores, user) for user in users]
    go_round(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute(
            "UPDATE compliance.consents SET withdrawn_at = %s WHERE consent_id = ANY(%s)", [arriving.NOW, firsts]
        )
    for user in users:
        _since(stores, user)


def _before(stores: Stores, user: str) -> UUID:
    person = UUID(user)
    first = builders.consent(stores.live, person)
    arriving.push(
        stores,
        user,
        arriving.raw("I love tea", kind="preference"),
        arriving.raw("I live in Berlin with my dog", at=arriving.DAY.format(2)),
    )
    builders.consent(stores.live, person, at=datetime(2026, 3, 3, tzinfo=UTC))
    arriving.push(
        stores,
        user,
        arriving.raw("I love tea", at=arriving.DAY.format(4), kind="preference"),
        arriving.raw("it rained a bit", at=arriving.DAY.format(5), kind="event"),
        arriving.raw("The long walk with Anna did me a lot of good", at=arriving.DAY.format(6), kind="event"),
    )
    return first


def _since(stores: Stores, user: str) -> None:
    person = UUID(user)
    arriving.push(
        stores,
        user,
        arriving.raw("I moved to Lisbon", at=arriving.DAY.format(9), mood="calm"),
        arriving.raw("The long walk with Anna did me a lot of good!", at=arriving.DAY.format(5), kind="event"),
        b"{broken " + user.encode(),
    )
    talk = builders.conversation(stores.live, person)
    builders.message(stores.live, person, talk, "I work as a nurse in Bergen.")


def _ended(stores: Stores, user: str) -> list[object]:
    """All that a round leaves of one person."""
    with stores.live.connect() as conn:
        weeks = conn.execute(
            "SELECT summary_id::text, t_start, summary_text FROM memory.episodic_summaries"
            " WHERE user_id = %s::uuid ORDER BY t_start",
            [user],
        ).fetchall()
        marked = conn.execute(
            "SELECT memory_extracted, jsonb_array_length(memory_items_created) FROM app.messages"
            " WHERE user_id = %s::uuid",
            [user],
        ).fetchall()
    ids = [row[0] for row in weeks]
    texts = stores.vault.decrypt(
        "memory.episodic_summaries", "summary_text", [user] * len(ids), ids, [row[2] for row in weeks]
    )
    # What it was said by is in ids of messages, which are each person's own: their number is compared.
    said = [(*entry[:-2], *map(len, entry[-2:])) for entry in arriving.state(stores, user)]  # type: ignore[arg-type]
    return [
        said,
        [(row[1], text) for row, text in zip(weeks, texts, strict=True)],
        marked,
        arriving.waiting(stores, user),
        [reason for reason, _, _ in arriving.quarantined(stores, user)],
    ]


def test_f01_a_round_killed_at_any_boundary_ends_as_if_nothing_had_happened(
    stores: Stores, environment: dict[str, str]
) -> None:
    people: dict[str, str] = {}
    while len(people) < len(SHARDS):  # each alone in a shard: what one leaves unfinished is no other's
        user = str(builders.user(stores.live))
        people.setdefault(shard_of(user), user)
    untouched, *others = people.values()
    _lived(stores, [untouched, *others])
    boundaries: list[str] = []
    go_round(stores, [shard_of(untouched)], now=LATER, boundary=boundaries.append, retire_share=1)
    expected = _ended(stores, untouched)
    assert {name.partition(":")[0] for name in boundaries} == {"withdraw", "consolidate", "missed", "fade", "episodes"}
    assert {"withdraw: after remove withdrawn", "missed: after mark source", "fade: after archive items"} <= {
        *boundaries
    }
    fatal = [1, *(place for place, name in enumerate(boundaries, start=1) if ": after " in name)]
    victims = dict(zip(fatal, others, strict=False))
    assert len(victims) == len(fatal), "more boundaries than shards: kill in two rounds"

    with forking(PROGRAM, environment) as run:
        assert {run(user, place, LATER.isoformat()) for place, user in victims.items()} == {KILLED}

    go_round(stores, now=LATER, retire_share=1)
    for place, user in victims.items():
        where = boundaries[place - 1]
        assert _ended(stores, user) == expected, where
        assert arriving.projected(stores, user) == arriving.shown(stores, user), where
