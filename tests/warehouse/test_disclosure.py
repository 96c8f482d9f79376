"""Disclosure control: nothing about few people shows, and nothing that shows gives it away."""

import math
import random
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.optimize import linprog

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


REPEATED = Aggregate(("cohort", "week"), counts=("size",), repeated={"user_count": ("cohort",), "size": ("cohort",)})


def cohorts(sizes: dict[str, int], weeks: int = 3) -> pl.DataFrame:
    """(cohort, week, size), the size of a cohort in every week."""
    rows = [(name, week, size) for name, size in sizes.items() for week in range(weeks)]
    frame = pl.DataFrame(rows, schema=["cohort", "week", "size"], orient="row")
    return frame.with_columns(user_count="size", size__users="size")


def test_a_number_that_is_repeated_is_hidden_in_all_its_rows_and_others_beside_it() -> None:
    done = suppress(cohorts({"a": 60, "b": 30, "few": 4}), REPEATED, k=K, step=STEP).frame
    shown = done.drop_nulls("size").select("cohort", "size").unique()
    assert shown.rows() == [("a", 60)]
    assert done["size"].null_count() == 6


def test_a_repeated_number_hidden_once_is_hidden_in_rows_that_are_new() -> None:
    first = suppress(cohorts({"a": 60, "b": 30, "few": 9}), REPEATED, k=K, step=STEP)
    later = cohorts({"a": 60, "b": 30, "few": 12}, weeks=5)
    done = suppress(later, REPEATED, k=K, step=STEP, before=first.hidden).frame
    assert set(done.drop_nulls("size")["cohort"]) == {"a"}
    assert violations(done, later, REPEATED, k=K, step=STEP) == []


@pytest.mark.parametrize(("show", "why"), [("few", "fewer"), ("b", "subtraction")])
def test_the_check_finds_a_repeated_number_that_shows(show: str, why: str) -> None:
    frame = cohorts({"a": 60, "b": 30, "few": 4})
    done = suppress(frame, REPEATED, k=K, step=STEP).frame
    seen = pl.col("cohort") == show
    broken = done.with_columns(size=pl.when(seen).then(30).otherwise("size"))
    assert any(why in line for line in violations(broken, frame, REPEATED, k=K, step=STEP))
    somewhere = done.with_columns(size=pl.when(seen & (pl.col("week") == 0)).then(30).otherwise("size"))
    assert any("some of their rows" in line for line in violations(somewhere, frame, REPEATED, k=K, step=STEP))


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


def bounds_of(cell: int, shown: list[int | None], sums: list[tuple[list[int], float, float]]) -> tuple[float, float]:
    """What an attacker knows of one hidden cell: least and most it can be, by linear programming.

    Args:
        shown: what is published of each cell, rounded; None where it is hidden.
        sums: cells that add up to something between two numbers.
    """
    limits = [(0.0, None) if value is None else (value - STEP // 2, value + STEP // 2) for value in shown]
    rows = np.array([[float(column in cells) for column in range(len(shown))] for cells, _, _ in sums])
    above = np.vstack([rows, -rows])
    ends = np.array([most for _, _, most in sums] + [-least for _, least, _ in sums])
    target = np.eye(len(shown))[cell]
    ranges = [linprog(sign * target, A_ub=above, b_ub=ends, bounds=limits) for sign in (1, -1)]
    assert all(found.status in {0, 3} for found in ranges), "the attacker's knowledge contradicts itself"
    return ranges[0].fun, (-ranges[1].fun if ranges[1].status == 0 else math.inf)


def signed_up(lake: Lake, sizes: dict[date, int]) -> None:
    """Users who signed up on Mondays and came back the next week, with their statistics."""
    people = [(week, f"{week:%m%d}{number:020x}") for week, size in sizes.items() for number in range(size)]
    for week in sizes:
        rows = [{"user_key": key, "cohort_week": week, "is_signup": True} for one, key in people if one == week]
        put(lake, "retention_cohorts", week, rows)
        active = [{"user_key": row["user_key"], "cohort_week": week, "is_active": True} for row in rows]
        put(lake, "retention_cohorts", week + timedelta(days=8), active)
    newest = max(sizes) + timedelta(days=30)
    put(
        lake,
        "user_statistics",
        newest,
        [{"user_key": key, "signup_date": week, "entry_count": 1} for week, key in people],
    )


def test_attack_cohorts_against_months_of_sign_up_and_the_number_of_all_users(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    sizes = {
        date(2026, 2, 2): 60, date(2026, 2, 9): 4, date(2026, 2, 16): 41, date(2026, 3, 2): 23, date(2026, 3, 9): 38,
        date(2026, 4, 6): 7, date(2026, 4, 13): 52,
    }  # fmt: skip
    signed_up(Lake(settings.lake), sizes)
    publish(settings, Lake(settings.lake), run_id="r", now=NOW)
    cohorts = query(settings, "SELECT DISTINCT cohort_week, cohort_user_count FROM mart.retention_cohorts ORDER BY 1")
    months = query(settings, "SELECT signup_month, user_count FROM mart.user_statistics").rows()
    assert cohorts["cohort_week"].to_list() == sorted(sizes)
    shown = cohorts["cohort_user_count"].to_list()
    everybody = (list(range(len(sizes))), sum(sizes.values()), sum(sizes.values()))
    by_month = [
        ([number for number, week in enumerate(sorted(sizes)) if week.month == month.month], count - 2, count + 2)
        for month, count in months
        if count is not None
    ]
    small = [number for number, week in enumerate(sorted(sizes)) if sizes[week] < K]
    assert small
    for cell in small:
        least, most = bounds_of(cell, shown, [everybody])
        assert least <= 0
        assert most >= 2 * K - 1
        least, most = bounds_of(cell, shown, [everybody, *by_month])
        assert most - least >= STEP


def test_attack_weeks_of_mood_against_months_of_sign_up_with_every_entry_known(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lake = Lake(settings.lake)
    writers = {FIRST + timedelta(weeks=number): count for number, count in enumerate((40, 6, 30, 25, 60))}
    for week, count in writers.items():
        put(lake, "mood_trends", week, [
            {"user_key": key_of(user), "entry_count": 1, "mood_count": 1} for user in range(count)
        ])  # fmt: skip
    publish(settings, lake, run_id="r", now=NOW)
    shown = query(settings, "SELECT entry_count FROM mart.mood_trends ORDER BY week_start")["entry_count"].to_list()
    total = sum(writers.values())
    assert shown[1] is None
    least, most = bounds_of(1, shown, [(list(range(len(writers))), total, total)])
    assert least <= 0
    assert most >= 2 * K - 1


def test_attack_many_releases_none_shows_what_one_before_it_hid(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lake, chance = Lake(settings.lake), random.Random(5)
    hid: set[tuple[str, str, str]] = set()
    for step in range(5):
        population(lake, first=FIRST + timedelta(days=4 * step), days=4, seed=step)
        late = FIRST + timedelta(days=chance.randrange(4 * step + 1))
        put(lake, "emotion_distribution", late, [
            {"user_key": key_of(user), "emotion": emotion, "emotion_count": 1}
            for emotion in ("joy", "calm", "fear", "disgust") for user in range(chance.randint(2, 50))
        ])  # fmt: skip
        publish(settings, lake, run_id="r", now=NOW + timedelta(days=step), full=step % 2 == 0)
        with open_release(settings) as con:
            for mart, cell, measure in sorted(hid):
                shape = MARTS[mart].aggregate
                assert shape is not None
                where = " AND ".join(
                    f"{name} = '{value}'" for name, value in zip(shape.key, cell.split(" | "), strict=True)
                )
                found = con.execute(f"SELECT {measure} FROM mart.{mart} WHERE {where}").fetchall()
                assert found in ([], [(None,)]), (mart, measure)
            hid |= set(con.execute("SELECT mart, cell, measure FROM meta.suppression").fetchall())
    assert len(hid) > 50


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
