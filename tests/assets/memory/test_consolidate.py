"""What consolidation makes of what live services push."""

import re
from pathlib import Path
from uuid import uuid4

import pytest

from assets.memory.consolidation import consolidate
from tests import builders
from tests.assets.memory import arriving
from warehouse.settings import Settings
from warehouse.stores import Stores

BERLIN, LISBON = "I live in Berlin", "I moved to Lisbon"
WALK = "We walked along the river with Anna and her two dogs today"
CARE = "The long course of treatment at the clinic is helping me a lot"
VISIT = "The appointment at the clinic is on Monday at the usual place"


def test_a_newer_value_supersedes_and_says_by_what_and_when(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(BERLIN))
    consolidate(stores, now=arriving.NOW)
    arriving.push(stores, user, arriving.raw(LISBON, at=arriving.DAY.format(9)))

    report = consolidate(stores, now=arriving.NOW)

    berlin, lisbon = arriving.rows(stores, user)
    assert (berlin["status"], berlin["superseded_by"]) == ("superseded", lisbon["id"])
    assert berlin["valid_to"] == lisbon["valid_from"]
    assert (lisbon["status"], lisbon["valid_to"]) == ("active", None)
    assert report.totals["superseded"] == 1
    assert arriving.projected(stores, user) == arriving.shown(stores, user)


def test_an_older_fact_that_comes_late_is_born_superseded(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(LISBON, at=arriving.DAY.format(9)))
    consolidate(stores, now=arriving.NOW)
    arriving.push(stores, user, arriving.raw(BERLIN))

    consolidate(stores, now=arriving.NOW)

    assert [(row["content"], row["status"]) for row in arriving.rows(stores, user)] == [
        (BERLIN, "superseded"),
        (LISBON, "active"),
    ]


def test_love_and_hate_of_one_thing_are_a_contradiction_and_the_last_word_holds(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(
        stores,
        user,
        arriving.raw("I love coffee", kind="preference"),
        arriving.raw("I hate coffee", at=arriving.DAY.format(4), kind="preference"),
    )

    consolidate(stores, now=arriving.NOW)

    assert [(row["content"], row["status"]) for row in arriving.rows(stores, user)] == [
        ("I hate coffee", "active"),
        ("I love coffee", "superseded"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [
        (WALK, WALK + "!", True),
        (WALK, WALK.replace("two", "six"), False),
        (CARE, CARE.replace("is helping", "isn't helping"), False),
        (VISIT, VISIT.replace("Monday", "Friday"), False),
        ("My daughter is taller than my son", "My son is taller than my daughter", False),
    ],
)
def test_near_duplicates_are_one_memory_only_when_they_say_the_same(
    stores: Stores, one: str, other: str, merged: bool
) -> None:
    user = arriving.person(stores)
    messages = [str(uuid4()), str(uuid4())]
    arriving.push(
        stores,
        user,
        arriving.raw(one, kind="event", message_id=messages[0]),
        arriving.raw(other, at=arriving.DAY.format(3), kind="event", message_id=messages[1]),
    )

    consolidate(stores, now=arriving.NOW)

    rows = {row["content"]: row for row in arriving.rows(stores, user)}
    assert [rows[text]["status"] for text in (one, other)] == ["active", "superseded" if merged else "active"]
    if merged:
        assert rows[one]["extraction_metadata"]["message_ids"] == sorted(messages)
        assert rows[other]["superseded_by"] == rows[one]["id"]
    assert len(arriving.projected(stores, user)) == (1 if merged else 2)


def test_without_consent_nothing_is_kept_and_nothing_waits(stores: Stores) -> None:
    user = arriving.person(stores, consented=False)
    arriving.push(stores, user, arriving.raw(BERLIN))

    report = consolidate(stores, now=arriving.NOW)

    assert report.totals == dict.fromkeys(report.totals, 0) | {"taken": 1, "refused": 1}
    assert arriving.rows(stores, user) == []
    assert arriving.quarantined(stores) == []
    assert arriving.waiting(stores, user) == []


def test_consent_counts_as_of_the_memory_and_not_of_the_run(stores: Stores) -> None:
    user = builders.user(stores.live)
    builders.consent(
        stores.live,
        user,
        at=builders.NOON.replace(day=5),
        expires=builders.NOON.replace(day=15),
    )
    for day in (4, 10, 20):
        said = arriving.raw(f"On day {day} something happened to me", at=arriving.DAY.format(day))
        arriving.push(stores, str(user), said)

    consolidate(stores, now=arriving.NOW)

    assert [row["content"] for row in arriving.rows(stores, str(user))] == ["On day 10 something happened to me"]


def test_identifiers_and_own_names_are_not_in_what_is_searched_and_no_text_lies_open(stores: Stores) -> None:
    user = arriving.person(stores, full_name="Zoë Quill")
    said = "zoe here, write to me at z.quill@example.org or call +1 212 555 0187"
    arriving.push(stores, user, arriving.raw(said))

    consolidate(stores, now=arriving.NOW)

    (row,) = arriving.rows(stores, user)
    assert row["content"] == said
    assert row["processed_content"] == "<NAME> here, write to me at <EMAIL_ADDRESS> or call <PHONE_NUMBER>"
    assert row["pii_detected"] == {"NAME": 1, "EMAIL_ADDRESS": 1, "PHONE_NUMBER": 1}
    with stores.live.connect() as conn:
        table = conn.execute("SELECT i::text FROM memory.items i").fetchall()
    # Ciphertext, ids and digests are random letters, in which any short word may stand.
    told = re.sub(r"v1\.\d+\.[\w=-]+|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", str(table))
    assert not any(word in told.lower() for word in ("zoe", "quill", "555", "write to me"))


def test_words_that_need_no_redaction_are_stored_once(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(WALK), arriving.raw("Write to z.quill@example.org"))

    consolidate(stores, now=arriving.NOW)

    with stores.live.connect() as conn:
        kept = conn.execute("SELECT processed_content IS NOT NULL FROM memory.items ORDER BY 1").fetchall()
    assert kept == [(False,), (True,)]


def test_plan_decides_and_writes_nothing(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(BERLIN), b"{broken")

    plan = consolidate(stores, now=arriving.NOW, plan=True)
    done = consolidate(stores, now=arriving.NOW)

    assert plan.totals == done.totals
    assert plan.totals["added"] == plan.totals["quarantined"] == 1
    assert BERLIN not in repr(plan)
    assert len(arriving.rows(stores, user)) == 1


def test_a_run_that_would_retire_too_much_of_a_person_stops_for_them_and_says_so(stores: Stores) -> None:
    careful, other = arriving.person(stores), arriving.person(stores)
    things = ("colour", "tree", "song", "soup", "town", "month", "bird", "sport")
    colours = [f"My favourite {thing} is {{}}" for thing in things]
    arriving.push(stores, careful, *(arriving.raw(text.format("blue"), kind="preference") for text in colours))
    consolidate(stores, now=arriving.NOW)
    later = [arriving.raw(text.format("gold"), at=arriving.DAY.format(9), kind="preference") for text in colours]
    arriving.push(stores, careful, *later)
    arriving.push(stores, other, arriving.raw(BERLIN))
    before = arriving.state(stores, careful)

    report = consolidate(stores, now=arriving.NOW)

    assert report.held_users == (careful,)
    assert arriving.state(stores, careful) == before
    assert arriving.waiting(stores, careful) == later
    assert [row["content"] for row in arriving.rows(stores, other)] == [BERLIN]

    consolidate(stores, now=arriving.NOW, retire_share=1)
    assert sum(row["status"] == "superseded" for row in arriving.rows(stores, careful)) == len(colours)


def test_more_items_than_a_batch_holds_go_in_all_the_same(settings: Settings) -> None:
    stores = Stores(settings.model_copy(update={"memory_batch_items": 7}))
    users = [arriving.person(stores) for _ in range(3)]
    for number, user in enumerate(users):
        walks = (f"Walk number {lap} around lake {number} was long" for lap in range(5 + 8 * number))
        arriving.push(stores, user, *map(arriving.raw, walks))

    report = consolidate(stores, now=arriving.NOW)

    assert [len(arriving.rows(stores, user)) for user in users] == [5, 13, 21]
    assert report.batches > 4
    assert stores.shortterm.backlog().items == 0


@pytest.mark.parametrize(("allowed", "left"), [("SOME", 4), ("MANY", 2)])
def test_many_small_nights_leave_few_files_for_recall_to_read_and_nothing_of_who_is_erased(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, allowed: str, left: int
) -> None:
    monkeypatch.setattr(f"warehouse.longterm_upkeep.{allowed}", left)
    user, erased = arriving.person(stores), arriving.person(stores)
    for night in range(1, 9):
        for one in (user, erased):
            words = f"I visited the museum number {night} of {one[:4]}qzx"
            arriving.push(stores, one, arriving.raw(words, at=arriving.DAY.format(night), kind="event"))
        consolidate(stores, now=arriving.NOW)
    folder = Path(stores.longterm.uri)

    def holding(text: str) -> list[Path]:
        return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]

    live = [stores.longterm._named(stores.longterm.physical("memories"))]
    assert [table.stats()["fragment_stats"]["num_fragments"] for table in live if table is not None] == [left]
    assert holding(f"{erased[:4]}qzx"), "the check must be able to see what is stored"

    stores.longterm.delete("memories", user_id=erased)
    stores.longterm.purge("memories")

    assert holding(erased) == holding(f"{erased[:4]}qzx") == []
    assert len(arriving.projected(stores, user)) == len(arriving.shown(stores, user)) == 8


def test_a_memory_that_postgres_lost_and_lancedb_kept_is_not_there_twice(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(BERLIN))
    consolidate(stores, now=arriving.NOW)
    with stores.live.connect() as conn:  # as a restored backup does
        conn.execute("DELETE FROM memory.items WHERE user_id = %s::uuid", [user])

    arriving.push(stores, user, arriving.raw(BERLIN))
    consolidate(stores, now=arriving.NOW)

    assert len(arriving.projected(stores, user)) == 1


def test_one_of_several_memories_that_postgres_lost_and_lancedb_kept_is_not_there_twice(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(BERLIN), arriving.raw(WALK, kind="event"))
    consolidate(stores, now=arriving.NOW)
    lost = next(row["id"] for row in arriving.rows(stores, user) if row["content"] == WALK)
    with stores.live.connect() as conn:
        conn.execute("DELETE FROM memory.items WHERE id = %s::uuid", [lost])

    arriving.push(stores, user, arriving.raw(WALK, kind="event"), arriving.raw(CARE, kind="event"))
    consolidate(stores, now=arriving.NOW)

    assert len(arriving.projected(stores, user)) == len(arriving.shown(stores, user)) == 3


def test_who_came_in_this_run_and_comes_again_in_it_is_not_there_twice(settings: Settings) -> None:
    stores = Stores(settings.model_copy(update={"memory_batch_items": 1}))
    user = arriving.person(stores)
    arriving.push(stores, user, *(arriving.raw(BERLIN, at=arriving.DAY.format(day)) for day in (1, 2, 3)))

    consolidate(stores, now=arriving.NOW)

    assert len(arriving.projected(stores, user)) == 1
