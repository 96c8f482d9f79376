"""Disclosure control: nothing about few people shows, and nothing that shows gives it away."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.lakes import NOW, key_of, population, put
from warehouse.lake import Lake
from warehouse.marts import MARTS, Aggregate, Check, ReleaseRefusedError, open_release, publish, query
from warehouse.marts.declare import Ratio
from warehouse.marts.disclosure import suppress, violations
from warehouse.settings import Settings

K, STEP = 11, 5
FIRST = date(2026, 3, 2)
LABELS = Aggregate(("day", "label"), counts=("n",), averages=(Ratio("average", "total", "n"),), within=("day",))


def cells(*rows: tuple[int, str, int, int]) -> pl.DataFrame:
    """(day, label, users, count); every user counted once or more."""
    frame = pl.DataFrame(rows, schema=["day", "label", "user_count", "n"], orient="row")
    return frame.with_columns(n__users=pl.col("user_count"), total=pl.col("n") * 0.5)


def hidden(frame: pl.DataFrame, shape: Aggregate = LABELS) -> list[str]:
    """Labels whose count does not show."""
    done = suppress(frame, shape, k=K, step=STEP).frame
    return sorted(done.filter(pl.col("n").is_null())["label"])


def test_a_cell_of_few_users_is_hidden_and_zero_is_not() -> None:
    frame = cells((1, "few", 10, 40), (1, "none", 0, 0), (2, "enough", 11, 40))
    done = suppress(frame, LABELS, k=K, step=STEP).frame
    assert done["n"].to_list() == [None, 0, 40]
    assert done["user_count"].to_list() == [None, 0, 10]
    assert done["is_suppressed"].to_list() == [True, False, False]


def test_cells_beside_a_hidden_one_are_hidden_until_they_hold_twice_k_users() -> None:
    assert hidden(cells((1, "a", 90, 90), (1, "b", 40, 40), (1, "c", 12, 12), (1, "few", 3, 3))) == ["b", "c", "few"]
    assert hidden(cells((1, "a", 90, 90), (1, "b", 40, 40), (1, "c", 25, 25), (1, "few", 3, 3))) == ["c", "few"]


def test_hidden_cells_of_one_day_leave_another_day_alone() -> None:
    frame = cells((1, "a", 50, 50), (1, "b", 50, 50), (1, "few", 3, 3), (2, "a", 50, 50), (2, "b", 50, 50))
    assert hidden(frame) == ["a", "few"]


def test_a_measure_of_few_users_is_hidden_in_a_cell_of_many() -> None:
    shape = Aggregate(("day",), counts=("n", "rare"))
    frame = pl.DataFrame(
        {"day": [1], "user_count": [200], "n": [500], "n__users": [200], "rare": [40], "rare__users": [2]}
    )
    done = suppress(frame, shape, k=K, step=STEP).frame
    assert done.select("n", "rare").row(0) == (500, None)


def test_a_total_is_hidden_where_one_of_its_parts_is() -> None:
    shape = Aggregate(("day",), counts=("whole", "part", "rest"), parts={"whole": ("part", "rest")})
    frame = pl.DataFrame(
        {"day": [1], "user_count": [50], "whole": [60], "whole__users": [50], "part": [58], "part__users": [49],
         "rest": [2], "rest__users": [1]}
    )  # fmt: skip
    assert suppress(frame, shape, k=K, step=STEP).frame.select("whole", "part", "rest").row(0) == (None, 60, None)


def test_counts_are_rounded_and_an_average_keeps_its_value_while_its_parts_divide_to_it() -> None:
    done = suppress(cells((1, "a", 33, 33)), LABELS, k=K, step=STEP).frame
    assert (done["n"][0], done["average"][0]) == (35, 0.5)
    assert done["total"][0] / done["n"][0] == done["average"][0]


def test_a_rate_is_made_of_what_is_shown_and_needs_a_denominator_of_k() -> None:
    shape = Aggregate(("day",), counts=("hit", "asked"), rates=(Ratio("rate", "hit", "asked"),))
    frame = pl.DataFrame(
        {"day": [1, 2], "user_count": [40, 40], "hit": [21, 21], "hit__users": [21, 21], "asked": [38, 38],
         "asked__users": [38, 9]}
    )  # fmt: skip
    assert suppress(frame, shape, k=K, step=STEP).frame["rate"].to_list() == [0.5, None]


def test_what_was_hidden_once_stays_hidden() -> None:
    first = suppress(cells((1, "a", 50, 50), (1, "b", 30, 30), (1, "few", 3, 3)), LABELS, k=K, step=STEP)
    later = cells((1, "a", 50, 50), (1, "b", 30, 30), (1, "few", 12, 12))
    fresh = suppress(later, LABELS, k=K, step=STEP)
    sticky = suppress(later, LABELS, k=K, step=STEP, before=first.hidden)
    assert fresh.frame["n"].null_count() == 0
    assert sticky.frame["n"].to_list() == [50, None, None]
    assert first.hidden <= sticky.hidden


def test_the_latest_change_of_a_cell_is_cut_to_its_day() -> None:
    frame = cells((1, "a", 50, 50), (1, "few", 3, 3)).with_columns(
        source_max_updated_at=pl.datetime(2026, 3, 2, 13, 37, 11)
    )
    shown = suppress(frame, LABELS, k=K, step=STEP).frame["source_max_updated_at"]
    assert shown.null_count() == 2
    lone = suppress(frame.head(1), LABELS, k=K, step=STEP).frame["source_max_updated_at"][0]
    assert (lone.hour, lone.minute) == (0, 0)


GROUPS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from("abcdefgh"), st.integers(0, 60), st.integers(0, 3)),
    min_size=1, max_size=24, unique_by=lambda row: (row[0], row[1]),
)  # fmt: skip


@given(GROUPS)
@hypothesis_settings(max_examples=120, deadline=None)
def test_what_suppress_publishes_never_breaks_the_rules(rows: list[tuple[int, str, int, int]]) -> None:
    frame = cells(*((day, label, users, users * (1 + extra)) for day, label, users, extra in rows))
    done = suppress(frame, LABELS, k=K, step=STEP).frame
    assert violations(done, frame, LABELS, k=K, step=STEP) == []


@given(GROUPS)
@hypothesis_settings(max_examples=120, deadline=None)
def test_subtracting_what_shows_from_an_exact_total_leaves_every_small_count_possible(
    rows: list[tuple[int, str, int, int]],
) -> None:
    frame = cells(*((day, label, users, users) for day, label, users, _ in rows))
    done = suppress(frame, LABELS, k=K, step=STEP).frame
    both = done.join(frame.select("day", "label", exact="n"), on=["day", "label"])
    for (_,), group in both.group_by(["day"]):
        out = group.filter(pl.col("n").is_null())
        small = out.filter(pl.col("exact") < K)
        if small.is_empty() or group["n"].drop_nulls().sum() == 0:
            continue
        held = out["exact"].sum()
        assert out.height > 1
        assert held - (K - 1) >= K, "the hidden sum must leave a hidden cell free to be anything under k"


@pytest.mark.parametrize("fault", ["unhide", "exact", "lone"])
def test_the_check_finds_a_rule_broken_by_hand(fault: str) -> None:
    frame = cells((1, "a", 90, 93), (1, "b", 40, 41), (1, "few", 3, 3))
    done = suppress(frame, LABELS, k=K, step=STEP).frame
    broken = {
        "unhide": done.with_columns(n=pl.when(pl.col("label") == "few").then(5).otherwise("n")),
        "exact": done.with_columns(n=pl.when(pl.col("label") == "a").then(93).otherwise("n")),
        "lone": done.with_columns(n=pl.when(pl.col("label") == "b").then(40).otherwise("n")),
    }[fault]
    assert violations(done, frame, LABELS, k=K, step=STEP) == []
    assert len(violations(broken, frame, LABELS, k=K, step=STEP)) == 1


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Three weeks with rare emotions and thin days, published."""
    settings = Settings(home=tmp_path_factory.mktemp("attack") / "home")
    population(Lake(settings.lake), first=FIRST, days=24)
    publish(settings, Lake(settings.lake), run_id="r1", now=NOW)
    return settings


def test_attack_rows_against_totals_recovers_no_hidden_emotion(released: Settings) -> None:
    exact = query(
        released,
        "SELECT metric_date, emotion, sum(emotion_count)::BIGINT AS exact, count(*) AS users"
        " FROM mart.emotion_distribution GROUP BY ALL",
        restricted=True,
    )
    shown = query(released, "SELECT metric_date, emotion, emotion_count FROM mart.emotion_distribution")
    both = exact.join(shown, on=["metric_date", "emotion"])
    attacked = 0
    for (_,), day in both.group_by(["metric_date"]):
        out = day.filter(pl.col("emotion_count").is_null())
        if out.is_empty() or out.height == day.height:
            continue
        attacked += 1
        # The attacker knows the exact total of the day; only the visible cells can be taken from it.
        rest = day["exact"].sum() - day["emotion_count"].drop_nulls().sum()
        for small in out.filter(pl.col("users") < K)["exact"]:
            assert out.height > 1
            assert abs(rest - small) >= K
    assert attacked > 5, "the population must contain days worth attacking"


def test_attack_weeks_against_days_finds_weeks_made_of_what_shows(released: Settings) -> None:
    weeks = query(released, "SELECT period_start, numerator FROM metric.emotion_valence_by_week ORDER BY 1")
    days = query(
        released,
        "SELECT date_trunc('week', period_start)::DATE AS period_start, sum(numerator) AS numerator"
        " FROM metric.emotion_valence_by_day GROUP BY 1 ORDER BY 1",
    )
    assert weeks["numerator"].to_list() == pytest.approx(days["numerator"].to_list())
    thin = query(released, "SELECT count(*) AS n FROM mart.conversation_analytics WHERE is_suppressed")["n"][0]
    assert thin > 0


def test_attack_release_against_release_finds_nothing_that_was_hidden(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lake = Lake(settings.lake)

    def emotions(fear: int) -> list[dict[str, object]]:
        counts = {"joy": 50, "calm": 30, "fear": fear}
        return [
            {"user_key": key_of(user), "emotion": emotion, "emotion_count": 1}
            for emotion, users in counts.items()
            for user in range(users)
        ]

    put(lake, "emotion_distribution", FIRST, emotions(3))
    publish(settings, lake, run_id="r1", now=NOW)
    old = query(settings, "SELECT emotion FROM mart.emotion_distribution WHERE emotion_count IS NULL ORDER BY 1")
    put(lake, "emotion_distribution", FIRST, emotions(12))
    publish(settings, lake, run_id="r2", now=NOW + timedelta(days=1))
    new = query(settings, "SELECT emotion FROM mart.emotion_distribution WHERE emotion_count IS NULL ORDER BY 1")
    assert old["emotion"].to_list() == ["calm", "fear"]
    assert new.equals(old)


def test_safety_numbers_are_published_by_week_only_and_hidden_over_few_people(released: Settings) -> None:
    for mart in MARTS.values():
        if mart.aggregate and {"safety_incident_count", "indicator_count"} & set(mart.aggregate.counts):
            assert mart.aggregate.key == ("week_start",)
    shown = query(released, "SELECT indicator_count FROM mart.crisis_incidence")["indicator_count"]
    users = query(released, "SELECT week_start, count(*) AS n FROM mart.crisis_incidence GROUP BY 1", restricted=True)[
        "n"
    ]
    assert shown.null_count() == shown.len()
    assert users.max() < 2 * K


def test_a_release_that_would_show_a_small_cell_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path / "home")
    population(Lake(settings.lake), first=FIRST, days=6)
    monkeypatch.setattr("warehouse.marts.cells.suppress", lambda frame, shape, *, k, step, before: suppress(
        frame, shape, k=1, step=step, before=before
    ))  # fmt: skip
    with pytest.raises(ReleaseRefusedError, match="suppression") as caught:
        publish(settings, Lake(settings.lake), run_id="r", now=NOW)
    assert not settings.warehouse_file.exists()
    assert all(isinstance(check, Check) for check in caught.value.failed)


def test_the_aggregate_file_contains_no_user_key_in_any_byte(released: Settings) -> None:
    content = released.warehouse_file.read_bytes()
    with open_release(released, "restricted") as con:
        keys = [row[0] for row in con.execute("SELECT DISTINCT user_key FROM mart.engagement").fetchall()]
    assert len(keys) > 30
    assert not [key for key in keys if key.encode() in content]
