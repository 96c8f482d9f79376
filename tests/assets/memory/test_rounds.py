"""A whole round, planned and done: what it shows, that a plan writes nothing, and that the guard counts all steps
together."""

from datetime import timedelta

import pytest
from dagster import DagsterInstance, materialize

from assets.memory.assets import items
from assets.memory.rounds import PLANNED, go_round, readable
from assets.resources import StoresResource
from tests import builders
from tests.assets.memory import arriving
from warehouse.settings import get_settings
from warehouse.stores import Stores

MARKER = "xylophone"
THINGS = ("colour", "tree", "song", "soup", "town", "month", "bird", "sport")
MUCH_LATER = arriving.NOW + timedelta(days=300)


def _said(word: str, *, day: int = 1) -> list[bytes]:
    texts = (f"My favourite {thing} is {word}" for thing in THINGS)
    return [arriving.raw(text, at=arriving.DAY.format(day), kind="preference") for text in texts]


def _everything(stores: Stores) -> dict[str, str]:
    """People to each of whom something else happens in the next round."""
    people = {name: arriving.person(stores) for name in ("grows", "changes", "withdraws", "fades", "forgets")}
    arriving.push(stores, people["changes"], arriving.raw(f"I live in {MARKER}"))
    arriving.push(stores, people["withdraws"], arriving.raw(f"I love {MARKER} music", kind="preference"))
    arriving.push(stores, people["fades"], arriving.raw(f"it rained on a {MARKER}", kind="event"))
    go_round(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute(
            "UPDATE compliance.consents SET withdrawn_at = %s WHERE user_id = %s::uuid",
            [arriving.NOW, people["withdraws"]],
        )
    arriving.push(stores, people["changes"], arriving.raw("I moved to Lisbon", at=arriving.DAY.format(9)))
    arriving.push(stores, people["grows"], arriving.raw(f"My sister plays the {MARKER}"), b"{broken " + MARKER.encode())
    arriving.push(stores, people["forgets"], arriving.raw(f"I love {MARKER} cake", kind="preference"))
    with stores.live.connect() as conn:
        conn.execute("DELETE FROM compliance.consents WHERE user_id = %s::uuid", [people["forgets"]])
    talk = builders.conversation(stores.live, people["grows"])  # type: ignore[arg-type]
    builders.message(stores.live, people["grows"], talk, f"I work as a {MARKER} maker.")  # type: ignore[arg-type]
    return people


def test_a_plan_tells_what_the_round_then_does_to_whom(stores: Stores) -> None:
    people = _everything(stores)

    planned = go_round(stores, now=MUCH_LATER, plan=True)
    done = go_round(stores, now=MUCH_LATER)

    assert planned.totals == done.totals
    counts = {row["user_id"]: {name: row[name] for name in PLANNED if row[name]} for row in planned.by_user.to_dicts()}
    assert counts == {
        people["grows"]: {"added": 2, "quarantined": 1, "episodes": 2},
        people["changes"]: {"added": 1, "superseded": 1, "episodes": 2},
        people["withdraws"]: {"withdrawn": 1},
        people["fades"]: {"archived": 1},
        people["forgets"]: {"refused": 1},
    }


def test_a_plan_writes_nothing_anywhere(stores: Stores) -> None:
    people = _everything(stores)
    before = _kept(stores, people)

    go_round(stores, now=MUCH_LATER, plan=True)

    assert _kept(stores, people) == before


def _kept(stores: Stores, people: dict[str, str]) -> object:
    with stores.live.connect() as conn:
        tables = [
            conn.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()
            for table in (
                *("memory.items", "memory.episodic_summaries", "ops.quarantine", "ops.watermarks", "app.messages"),
                "compliance.data_keys",
            )
        ]
    users = list(people.values())
    held = [(arriving.waiting(stores, user), arriving.projected(stores, user)) for user in users]
    return tables, held, stores.longterm.version("memories")


def test_the_sample_shows_every_action_and_not_a_word(stores: Stores) -> None:
    _everything(stores)

    sample = readable(go_round(stores, now=MUCH_LATER, plan=True).sample(5))

    assert set(sample["action"]) == {"added", "superseded", "withdrawn", "archived", "quarantined", "episode"}
    assert sample.columns == ["user", "action", "type", "level", "date", "reason", "characters", "memory"]
    shown = str(sample.rows())
    assert MARKER not in shown
    assert "Lisbon" not in shown
    (added,) = sample.filter(sample["type"] == "relationship").rows() or [None]
    assert added is None or added[6] == len(f"My sister plays the {MARKER}")


def test_what_was_found_as_a_users_id_and_is_none_is_not_shown(stores: Stores) -> None:
    stores.shortterm.push([(f"{MARKER}@example.org", arriving.raw("I live in Berlin"))])

    planned = go_round(stores, now=arriving.NOW, plan=True)

    assert readable(planned.by_user)["user"].to_list() == ["malformed"]
    assert MARKER not in str(readable(planned.by_user).rows()) + str(readable(planned.sample(5)).rows())


@pytest.mark.parametrize("plan", [True, False])
def test_the_guard_holds_a_person_and_says_so_planned_and_done(stores: Stores, *, plan: bool) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, *_said("blue"))
    go_round(stores, now=arriving.NOW)
    arriving.push(stores, user, *_said("gold", day=9))
    before = arriving.state(stores, user)

    held = go_round(stores, now=arriving.NOW, plan=plan)

    assert held.held_users == (user,)
    assert (held.totals["held"], held.totals["superseded"]) == (len(THINGS), 0)
    assert arriving.state(stores, user) == before
    assert go_round(stores, now=arriving.NOW, plan=True, retire_share=1).totals["superseded"] == len(THINGS)


@pytest.mark.parametrize("plan", [True, False])
def test_what_one_step_of_a_round_retires_is_missing_from_the_share_of_the_next(stores: Stores, *, plan: bool) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, *_said("blue")[:3])
    weak = (
        arriving.raw(f"it rained a bit on day {day}", at=arriving.DAY.format(day), kind="event") for day in (2, 3, 4)
    )
    arriving.push(stores, user, *weak)
    go_round(stores, now=arriving.NOW)
    arriving.push(stores, user, *_said("gold", day=9)[:2])

    round_ = go_round(stores, now=MUCH_LATER, plan=plan)

    assert round_.consolidated.totals["superseded"] == 2
    assert (round_.faded.archived, round_.held_users) == (0, (user,))


def test_the_asset_shows_the_same_tables_under_pseudonyms(
    stores: Stores, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = _everything(stores)
    for name in ("ENGRAM_HOME", "DATABASE_URL", "REDIS_URL", "ENGRAM_ALLOW_SUPERUSER"):
        monkeypatch.setenv(name, environment[name])
    get_settings.cache_clear()
    with DagsterInstance.ephemeral() as instance:
        result = materialize(
            [items],
            instance=instance,
            resources={"stores": StoresResource()},
            run_config={"ops": {"memory__items": {"config": {"dry_run": True}}}},
            tags={"dagster/asset_partition_range_start": "00", "dagster/asset_partition_range_end": "3f"},
        )
    get_settings.cache_clear()
    (made,) = result.asset_materializations_for_node("memory__items")[:1]
    by_user, sample = (made.metadata[name].value.records for name in ("by_user", "sample"))
    assert made.metadata["plan"].value is True
    assert len(by_user) == len(people)
    told = str([record.data for record in [*by_user, *sample]])
    assert MARKER not in told
    assert not any(user[:8] in told for user in people.values())
