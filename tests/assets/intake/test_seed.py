"""The synthetic population: the same every time, all over the schema, shaped like people."""

from datetime import UTC, date, datetime
from hashlib import sha256
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from assets.intake import frames, population, seed
from assets.intake.days import Talk, talk
from assets.intake.people import CONSENT, People, Span, fact_words, local_to_utc, moods, people
from assets.intake.phrases import phrases
from warehouse.live import Live
from warehouse.shortterm import ShortTerm
from warehouse.stores import Stores

SPAN = Span(date(2026, 9, 22), date(2026, 11, 20))


def drawn(number: int = 1, users: int = 300) -> tuple[People, Talk, dict[str, pl.DataFrame]]:
    """A population without a store."""
    words = phrases()
    crowd = people(words, users=users, span=SPAN, seed=number, key=f"test:{number}")
    rng = np.random.default_rng([number, 5, 0])
    mood = moods(rng, users, SPAN)
    said = talk(words, crowd, range(users), mood, rng)
    tables = (
        population.members(words, crowd, np.random.default_rng([number, 2]))
        | population.platform(crowd, np.random.default_rng([number, 3]))
        | population.beside(words, crowd, range(users), mood, said, rng)
    )
    return crowd, said, tables


@pytest.fixture(scope="module")
def crowd() -> tuple[People, Talk, dict[str, pl.DataFrame]]:
    return drawn()


def test_the_same_seed_makes_the_same_rows_and_another_seed_does_not(
    crowd: tuple[People, Talk, dict[str, pl.DataFrame]],
) -> None:
    _, said, tables = crowd
    _, again, more = drawn()
    assert said.messages.equals(again.messages)
    assert said.memories == again.memories
    assert {table: frame.equals(more[table]) for table, frame in tables.items()} == dict.fromkeys(tables, True)
    _, other, _ = drawn(2)
    assert set(said.messages["id"]).isdisjoint(other.messages["id"])


def test_every_table_the_writer_knows_is_seeded(crowd: tuple[People, Talk, dict[str, pl.DataFrame]]) -> None:
    _, _, tables = crowd
    filled = {table for table, frame in tables.items() if frame.height}
    assert set(frames.KEYS) == filled | {"app.conversations", "app.messages", "app.message_emotions"}


def test_few_people_talk_much_and_many_talk_little(crowd: tuple[People, Talk, dict[str, pl.DataFrame]]) -> None:
    _, said, _ = crowd
    counts = said.messages.group_by("user_id").len()["len"].sort(descending=True)
    top = counts.head(len(counts) // 10).sum() / counts.sum()
    assert 0.3 < top < 0.75
    assert 2.5 < said.messages.height / (300 * SPAN.days) < 6.5


def test_nothing_happens_outside_the_span(crowd: tuple[People, Talk, dict[str, pl.DataFrame]]) -> None:
    _, said, tables = crowd
    first, after = SPAN.moments
    for frame, column in (
        (said.messages, "created_at"),
        (said.conversations, "last_message_at"),
        (tables["journal.entries"], "created_at"),
        (tables["voice.calls"], "started_at"),
        (tables["engagement.reflections"], "created_at"),
    ):
        assert frame[column].is_between(first, after, closed="left").all()


def test_people_talk_by_their_own_clock(crowd: tuple[People, Talk, dict[str, pl.DataFrame]]) -> None:
    _, said, tables = crowd
    zones = tables["app.user_profiles"].select("user_id", "timezone")
    rows = said.conversations.join(zones, on="user_id")
    night = [
        part["created_at"].dt.convert_time_zone(str(zone)).dt.hour().is_between(2, 4).mean()
        for (zone,), part in rows.partition_by("timezone", as_dict=True).items()
    ]
    assert max(float(share or 0) for share in night) < 0.06


def test_mood_drifts_and_colours_what_is_said(crowd: tuple[People, Talk, dict[str, pl.DataFrame]]) -> None:
    _, said, _ = crowd
    mood = moods(np.random.default_rng(1), 400, SPAN)
    today, tomorrow = mood[:, :-1].ravel(), mood[:, 1:].ravel()
    assert 0.7 < np.corrcoef(today, tomorrow)[0, 1] < 0.98
    felt = said.emotions.join(said.messages, left_on="message_id", right_on="id")
    assert np.corrcoef(felt["valence"].to_numpy(), felt["sentiment_score"].to_numpy())[0, 1] > 0.6
    assert felt.filter(pl.col("content").str.contains("happy"))["valence"].mean() > 0.3  # type: ignore[operator]


def test_facts_are_repeated_and_contradicted_over_time() -> None:
    year = Span.ending(date(2026, 11, 20), 365)
    words = fact_words(np.random.default_rng(1), phrases(), 100, year)
    changes = (np.diff(words, axis=2) != 0).sum(axis=2).mean(axis=0)
    assert np.allclose(changes, list(phrases().raw["fact_changes"].values()), atol=0.4)


def test_a_stated_fact_is_the_one_that_is_true_that_day(crowd: tuple[People, Talk, dict[str, pl.DataFrame]]) -> None:
    _, said, _ = crowd
    cities = (
        said.messages.filter(pl.col("content").str.starts_with("I live in "))
        .with_columns(day=pl.col("created_at").dt.date())
        .group_by("user_id", "day")
        .agg(pl.col("content").n_unique())
    )
    assert cities.height > 20
    assert (cities["content"] == 1).mean() > 0.9  # type: ignore[operator]


def test_personal_data_crises_and_every_state_of_consent_occur(
    crowd: tuple[People, Talk, dict[str, pl.DataFrame]],
) -> None:
    members, said, tables = crowd
    own = said.messages.filter(pl.col("content").str.contains("@example.org", literal=True))
    emails = dict(zip(members.ids, members.emails, strict=True))
    assert own.height > 20
    assert all(emails[user] in text for user, text in own.select("user_id", "content").iter_rows())
    assert said.crises.height == said.messages["requires_intervention"].sum() == tables["safety.escalations"].height > 3
    assert set(members.consent.tolist()) == set(range(len(CONSENT)))
    consents = tables["compliance.consents"].filter(consent_type="memory")
    assert consents["expires_at"].is_not_null().any()
    assert consents["withdrawn_at"].is_not_null().any()
    assert not consents["granted"].all()
    assert consents["user_id"].n_unique() < len(members)


def test_an_hour_that_a_clock_skips_moves_on_and_one_that_comes_twice_is_the_first() -> None:
    naive = pl.Series([datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30)], dtype=pl.Datetime("us"))  # noqa: DTZ001
    utc = local_to_utc(naive, np.array([0, 0]), ["Europe/Berlin"])
    assert utc.to_list() == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


def count_all(live: Live) -> dict[str, int]:
    with live.connect() as connection:
        return {
            table: int((connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,))[0])
            for table in frames.KEYS
        }


def test_a_seed_fills_every_table_and_a_second_one_adds_nothing(
    stores: Stores, live: Live, shortterm: ShortTerm
) -> None:
    report = seed(stores, users=40, days=40, seed=3, end_day=date(2026, 11, 20))
    counts = count_all(live)
    assert [table for table, number in counts.items() if number == 0] == []
    assert counts == dict(report.delivered.rows)
    waiting = shortterm.backlog().items
    assert waiting == report.delivered.memories > 0

    again = seed(stores, users=40, days=40, seed=3, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert (again.finished_before, again.end_day) == (True, date(2026, 11, 20))

    with live.connect() as connection:
        connection.execute("DELETE FROM ops.watermarks")
    rebuilt = seed(stores, users=40, days=40, seed=3, end_day=date(2026, 11, 20))
    assert not rebuilt.finished_before
    assert (sum(rebuilt.delivered.rows.values()), rebuilt.delivered.memories) == (0, 0)
    assert (count_all(live), shortterm.backlog().items) == (counts, waiting)


def test_seeding_again_does_not_bring_an_erased_person_back(stores: Stores, live: Live, shortterm: ShortTerm) -> None:
    seed(stores, users=10, days=20, seed=4, end_day=date(2026, 11, 20))
    with live.connect() as connection:
        row = connection.execute(
            "SELECT user_id::text FROM app.messages"
            " WHERE user_id NOT IN (SELECT user_id FROM compliance.legal_holds) LIMIT 1"
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO compliance.erasure_ledger (subject_sha256) VALUES (%s)", (sha256(UUID(row[0]).bytes).digest(),)
        )
        connection.execute("DELETE FROM app.messages WHERE user_id = %s", row)
        connection.execute("DELETE FROM auth.users WHERE id = %s", row)
        connection.execute("DELETE FROM ops.watermarks")
    shortterm.client.flushdb()
    seed(stores, users=10, days=20, seed=4, end_day=date(2026, 11, 20))
    with live.connect() as connection:
        assert connection.execute("SELECT count(*) FROM auth.users WHERE id = %s", row).fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM app.messages WHERE user_id = %s", row).fetchone() == (0,)
    assert row[0] not in set(shortterm.users())


def test_a_population_needs_people_and_days(stores: Stores) -> None:
    with pytest.raises(ValueError, match="users, days"):
        seed(stores, users=0, days=3)
