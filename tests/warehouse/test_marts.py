"""The marts' declarations, and releases built from a lake: what is in the files, how they are swapped, who may read."""

import json
import random
import shutil
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.lakes import NOW, key_of, mart_rows, population, put, talk
from warehouse.lake import Lake, PartitionDamagedError
from warehouse.marts import (
    COLUMNS,
    INTERNAL,
    MARTS,
    METRICS,
    AnotherPublisherError,
    Check,
    Metric,
    ReleaseRefusedError,
    count_rows,
    dictionary,
    export_rows,
    forget,
    markdown,
    open_release,
    pseudonym_secret,
    publish,
    published,
    query,
    release_differences,
    releases,
    shape_errors,
    user_key,
)
from warehouse.marts.describe import FILES
from warehouse.marts.examine import UNCHANGED
from warehouse.settings import Settings

FIRST = date(2026, 3, 2)
UNIT_TYPES = {"_count": "BIGINT", "_ms": "DOUBLE", "_s": "DOUBLE", "_usd": "DOUBLE", "_rate": "DOUBLE", "_date": "DATE"}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with three weeks of marts and one release; tests read it and leave it as it is."""
    settings = Settings(home=tmp_path_factory.mktemp("marts") / "home")
    population(Lake(settings.lake), first=FIRST, days=24)
    publish(settings, Lake(settings.lake), run_id="first", now=NOW)
    return settings


@pytest.fixture
def busy_copy(busy: Settings, tmp_path: Path) -> Settings:
    """The same home again, free to be changed, with a release of its own."""
    settings = Settings(home=tmp_path / "home")
    shutil.copytree(busy.lake, settings.lake)
    publish(settings, Lake(settings.lake), run_id="first", now=NOW)
    return settings


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def small(settings: Settings, messages: int = 4, days: int = 2) -> Lake:
    lake = Lake(settings.lake)
    for offset in range(days):
        put(
            lake, "conversation_analytics", FIRST + timedelta(days=offset), [talk(user, messages) for user in range(12)]
        )
    return lake


def total(settings: Settings) -> int:
    return int(query(settings, "SELECT sum(message_count)::BIGINT AS n FROM mart.conversation_analytics")["n"][0])


def test_every_column_of_every_mart_is_in_the_vocabulary_once_with_its_unit_in_its_name() -> None:
    used = {
        column.name
        for mart in MARTS.values()
        for file in ("restricted", "warehouse")
        for column in mart.published(file)
    }
    assert used <= set(COLUMNS)
    for name, column in COLUMNS.items():
        for suffix, kind in UNIT_TYPES.items():
            if name.endswith(suffix):
                assert column.type == kind, name
        assert column.description.endswith("."), name


def test_every_vocabulary_entry_is_used_by_some_mart() -> None:
    used = {column.name for mart in MARTS.values() for column in mart.lake}
    used |= {
        column.name
        for mart in MARTS.values()
        for file in ("restricted", "warehouse")
        for column in mart.published(file)
    }
    assert set(COLUMNS) - used == set()


def test_no_aggregate_names_a_user() -> None:
    for mart in published():
        assert "user_key" not in {column.name for column in mart.published("warehouse")}, mart.name


def test_a_count_is_published_by_one_grain_only_so_that_grains_cannot_be_subtracted() -> None:
    grains: dict[str, set[str]] = {}
    for mart in MARTS.values():
        if mart.aggregate and mart.aggregate.within != ():
            for name in mart.aggregate.counts:
                grains.setdefault(name, set()).add(mart.name)
    assert {name: marts for name, marts in grains.items() if len(marts) > 1} == {}


def test_metrics_use_columns_their_mart_publishes_in_both_files() -> None:
    for metric in METRICS:
        for file in ("restricted", "warehouse"):
            names = {column.name for column in MARTS[metric.mart].published(file)}
            assert metric.date_column in names, metric.name
            for part in (metric.numerator, metric.denominator):
                assert part is None or part.split(" ")[0] in names, metric.name


def test_the_dictionary_describes_every_published_column_of_both_files() -> None:
    for file in ("restricted", "warehouse"):
        frame = dictionary(file)
        assert set(frame["mart"]) == set(MARTS) - INTERNAL
        assert frame.height == sum(len(mart.published(file)) for mart in published())
        assert frame.null_count().sum_horizontal().item() == 0


def test_the_page_of_the_dictionary_has_a_section_per_mart() -> None:
    page = markdown()
    assert all(f"## {mart.name}" in page for mart in published())


def test_a_shape_that_differs_is_named_by_column_and_type() -> None:
    mart = MARTS["dim_date"]
    frame = pl.DataFrame(schema={column.name: pl.String() for column in mart.lake[:-1]} | {"stray": pl.Int64()})
    errors = shape_errors(mart.lake, frame)
    assert "stray: not declared" in errors
    assert "source_max_updated_at: declared, missing" in errors
    assert any(error.startswith("metric_date: declared Date") for error in errors)


def test_pseudonyms_need_the_key_and_differ_between_keys() -> None:
    user = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
    one, other = pseudonym_secret(b"a" * 32), pseudonym_secret(b"b" * 32)
    assert user_key(one, user) == user_key(one, user.upper())
    assert user_key(one, user) != user_key(other, user)
    assert len(user_key(one, user)) == 24


def test_a_release_is_two_files_with_their_modes_and_hard_links(busy: Settings) -> None:
    last = releases(busy)[-1]
    for name, mode in (("warehouse", 0o444), ("restricted", 0o440)):
        file = busy.home / f"{name}.duckdb"
        kept = busy.releases / f"{name}_{last}.duckdb"
        assert stat.S_IMODE(file.stat().st_mode) == mode
        assert not file.is_symlink()
        assert file.stat().st_ino == kept.stat().st_ino
    assert release_differences(busy) == []


def test_a_release_is_written_for_older_clients(busy: Settings) -> None:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{busy.warehouse_file}' AS w (READ_ONLY)")
        tags = con.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'w'").fetchall()[0][0]
    assert tags["storage_version"].startswith("v1.2.0"), tags


def test_catalog_and_schemas_do_not_share_a_name(busy: Settings) -> None:
    with open_release(busy) as con:
        catalog = con.execute("SELECT current_database()").fetchall()[0][0]
        schemas = {row[0] for row in con.execute("SELECT DISTINCT schema_name FROM duckdb_tables()").fetchall()}
    assert catalog == "warehouse"
    assert schemas == {"mart", "meta"}


def test_every_mart_table_and_column_carries_its_comment(busy: Settings) -> None:
    for file in ("restricted", "warehouse"):
        with open_release(busy, file) as con:
            bare = con.execute(
                "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'mart' AND comment IS NULL"
            ).fetchall()
            tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE comment IS NULL").fetchall()
        assert (bare, tables) == ([], [])


def test_the_manifest_tells_bytes_rows_days_code_and_checks(busy: Settings) -> None:
    manifest = json.loads((busy.releases / f"manifest_{releases(busy)[-1]}.json").read_text())
    assert (manifest["first_day"], manifest["last_day"]) == ("2026-03-02", "2026-03-25")
    assert manifest["files"]["restricted"]["rows"]["conversation_analytics"] > 500
    assert len(manifest["git_revision"]) >= 7
    assert manifest["checks"]
    assert all(check["passed"] for check in manifest["checks"])


@pytest.mark.parametrize("restricted", [False, True], ids=["warehouse", "restricted"])
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_by_day_week_and_month_adds_up_to_the_same(busy: Settings, metric: Metric, restricted: bool) -> None:
    sums = {
        period: query(
            busy,
            "SELECT sum(numerator) AS n, sum(denominator) AS d, count(*) AS periods,"
            " bool_and(value IS NOT DISTINCT FROM numerator / nullif(denominator, 0) OR denominator IS NULL) AS divides"
            f" FROM metric.{metric.name}_by_{period}",
            restricted=restricted,
        ).row(0)
        for period in metric.periods
    }
    numbers = {period: [number or 0.0 for number in row[:2]] for period, row in sums.items()}
    assert all(found == pytest.approx(numbers["month"]) for found in numbers.values())
    assert all(row[3] in {True, None} for row in sums.values())
    counts = [row[2] for row in sums.values()]
    assert counts == sorted(counts, reverse=True)


def test_most_metrics_have_numbers_to_agree_about(busy: Settings) -> None:
    empty = {
        metric.name
        for metric in METRICS
        if not query(busy, f"SELECT count(*) AS n FROM metric.{metric.name}_by_month", restricted=True)["n"][0]
    }
    assert len(METRICS) - len(empty) >= 12


def test_a_user_deleted_in_postgres_is_gone_from_the_next_release(busy_copy: Settings) -> None:
    lake, gone = Lake(busy_copy.lake), key_of(7)
    tables = [mart.name for mart in published() if "user_key" in mart.restricted_shape.columns]
    held = {mart: query(busy_copy, f"SELECT user_key FROM mart.{mart}", restricted=True)["user_key"] for mart in tables}
    assert sum((keys == gone).sum() for keys in held.values()) > 20
    for mart in (mart for mart in MARTS.values() if "user_key" in mart.columns):
        for day in lake.partitions(mart.name):
            kept = lake.read(mart.name, day).filter(pl.col("user_key") != gone)
            lake.write(mart.name, day, kept, key=mart.key, run_id="after the deletion", closed=True)
    publish(busy_copy, lake, run_id="r", now=NOW + timedelta(minutes=1), full=False)
    for mart in tables:
        after = query(busy_copy, f"SELECT user_key FROM mart.{mart}", restricted=True)["user_key"]
        assert (after == gone).sum() == 0, mart
        assert set(after) == set(held[mart]) - {gone}, mart


def test_weeks_start_on_monday(busy: Settings) -> None:
    starts = query(busy, "SELECT DISTINCT week_start FROM mart.mood_trends")["week_start"]
    assert {day.weekday() for day in starts} == {0}


def test_mood_of_a_week_has_the_deviation_of_its_entries(home: Settings) -> None:
    lake = Lake(home.lake)
    scores = [[0.5, -0.5], [0.1]]
    for offset, moods in enumerate(scores):
        row = {"user_key": "0" * 24, "entry_count": len(moods), "mood_count": len(moods), "mood_sum": sum(moods),
               "mood_sumsq": sum(mood * mood for mood in moods)}  # fmt: skip
        put(lake, "mood_trends", FIRST + timedelta(days=offset), [row])
    publish(home, lake, run_id="r", now=NOW)
    found = query(home, "SELECT avg_mood, stddev_mood FROM mart.mood_trends", restricted=True).rows()[0]
    flat = pl.Series([mood for moods in scores for mood in moods])
    assert found == pytest.approx((flat.mean(), flat.std()))


def test_a_failed_check_publishes_nothing_and_leaves_the_old_release(home: Settings) -> None:
    lake = small(home)
    publish(home, lake, run_id="good", now=NOW)
    before, ids = home.warehouse_file.read_bytes(), releases(home)
    put(lake, "conversation_analytics", FIRST, [talk(user, 8) for user in range(12)])

    def refuse(_: duckdb.DuckDBPyConnection) -> list[Check]:
        return [Check("warehouse", "*", "planted", passed=False, detail="1 of 2")]

    with pytest.raises(ReleaseRefusedError, match="planted"):
        publish(home, lake, run_id="bad", now=NOW + timedelta(hours=1), extra_checks=refuse)
    assert home.warehouse_file.read_bytes() == before
    assert releases(home) == ids
    assert [path.name for path in home.releases.glob(".building*")] == []


def test_a_damaged_partition_stops_the_release_and_leaves_the_old_one(home: Settings) -> None:
    lake = small(home)
    publish(home, lake, run_id="good", now=NOW)
    before = home.warehouse_file.read_bytes()
    path = lake.path("conversation_analytics", FIRST)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(PartitionDamagedError, match="conversation_analytics 2026-03-02"):
        publish(home, lake, run_id="bad", now=NOW + timedelta(hours=1))
    assert home.warehouse_file.read_bytes() == before


def test_what_an_interrupted_build_left_is_swept_and_not_published(home: Settings) -> None:
    lake = small(home)
    home.releases.mkdir(parents=True)
    (home.releases / ".building-x-warehouse.duckdb").write_bytes(b"half")
    publish(home, lake, run_id="r", now=NOW)
    assert list(home.releases.glob(".building*")) == []
    assert release_differences(home) == []


def test_only_so_many_releases_are_kept_and_an_old_one_can_be_attached(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", releases_keep=3)
    lake = small(settings)
    for number in range(5):
        put(lake, "conversation_analytics", FIRST, [talk(user, 4 + number) for user in range(12)])
        publish(settings, lake, run_id=f"r{number}", now=NOW + timedelta(minutes=number))
    kept = releases(settings)
    assert len(kept) == 3
    grown = query(
        settings,
        "SELECT n.message_count - o.message_count AS grown FROM mart.conversation_analytics AS n"
        " JOIN before.mart.conversation_analytics AS o USING (metric_date) ORDER BY grown DESC LIMIT 1",
        compare=kept[0],
    )
    assert grown["grown"][0] == 25
    with pytest.raises(FileNotFoundError, match="kept are"):
        query(settings, "SELECT 1", compare="20200101T000000000000Z")


def test_a_reader_with_the_old_file_open_keeps_it_and_a_new_one_sees_the_new(home: Settings) -> None:
    lake = small(home)
    publish(home, lake, run_id="r1", now=NOW)
    with open_release(home) as held:
        first = held.execute("SELECT sum(message_count) FROM mart.conversation_analytics").fetchall()
        put(lake, "conversation_analytics", FIRST, [talk(user, 40) for user in range(12)])
        publish(home, lake, run_id="r2", now=NOW + timedelta(minutes=1))
        assert held.execute("SELECT sum(message_count) FROM mart.conversation_analytics").fetchall() == first
    assert total(home) > int(first[0][0])


def test_the_aggregate_file_holds_only_periods_that_are_over(home: Settings) -> None:
    lake = small(home, days=3)
    publish(home, lake, run_id="r", now=NOW.replace(year=2026, month=3, day=4))
    days = query(home, "SELECT metric_date FROM mart.conversation_analytics ORDER BY 1")["metric_date"].to_list()
    assert days == [date(2026, 3, 2), date(2026, 3, 3)]


def test_sql_of_an_analyst_is_one_read_only_statement_that_reaches_nothing_else(busy: Settings, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    for attempt in (
        "DROP TABLE mart.dim_date",
        f"COPY mart.dim_date TO '{out}'",
        "SELECT * FROM read_text('/etc/hostname')",
    ):
        with pytest.raises((duckdb.Error, ValueError)):
            query(busy, attempt)
    with pytest.raises(ValueError, match="one statement"):
        query(busy, "SELECT 1; SELECT 2")
    assert not out.exists()
    assert query(busy, "SELECT range AS n FROM range(10)", limit=3).height == 3


def test_asking_before_anything_is_published_says_what_to_do(home: Settings) -> None:
    with pytest.raises(FileNotFoundError, match="materialize marts/warehouse_release"):
        query(home, "SELECT 1")


def test_one_user_is_counted_exported_and_forgotten_in_the_lake(home: Settings) -> None:
    lake = Lake(home.lake)
    population(lake, first=FIRST, days=5)
    key, other = f"{3:024x}", f"{4:024x}"
    before, others = count_rows(lake, [key]), count_rows(lake, [other])
    assert sum(before.values()) > 5
    assert {mart: frame.height for mart, frame in export_rows(lake, [key]).items()} == {
        m: n for m, n in before.items() if n
    }
    assert forget(lake, [key], run_id="erase") == before
    assert sum(count_rows(lake, [key]).values()) == 0
    assert count_rows(lake, [other]) == others
    assert sum(forget(lake, [key], run_id="again").values()) == 0
    assert key.encode() not in b"".join(path.read_bytes() for path in lake.root.rglob("*.parquet"))


def test_two_publishers_do_not_meet(home: Settings) -> None:
    lake = small(home)
    met: list[type[BaseException]] = []

    def second(_: duckdb.DuckDBPyConnection) -> list[Check]:
        with pytest.raises(AnotherPublisherError) as caught:
            publish(home, lake, run_id="second", now=NOW)
        met.append(type(caught.value))
        return []

    publish(home, lake, run_id="first", now=NOW, extra_checks=second)
    assert met == [AnotherPublisherError]


def test_the_same_lake_gives_the_same_tables(home: Settings) -> None:
    lake = small(home)
    tables: list[list[tuple[object, ...]]] = []
    for number in range(2):
        publish(home, lake, run_id="r", now=NOW + timedelta(minutes=number))
        tables.append(query(home, "SELECT * FROM mart.conversation_analytics").rows())
    assert tables[0] == tables[1]


def contents(settings: Settings) -> dict[tuple[str, str], list[tuple[object, ...]]]:
    """Every row of every mart in both files, by key."""
    tables = {}
    for file in FILES:
        with open_release(settings, file) as con:
            for mart in published():
                key = ", ".join(mart.published_key(file))
                tables[file, mart.name] = con.execute(f"SELECT * FROM mart.{mart.name} ORDER BY {key}").fetchall()
    return tables


def streaky(lake: Lake, day: date, users: list[int], *, run_id: str = "late") -> None:
    """Who was active on a day, a few of them only by the badge they got."""
    put(lake, "engagement", day, [
        {"user_key": key_of(user), "local_date": day, "message_count": user % 5, "badge_count": 1} for user in users
    ], run_id=run_id)  # fmt: skip


def edit(lake: Lake, chance: random.Random, step: int) -> None:
    """Change a few days as late data, deletions, retention and a new day do."""
    days = lake.partitions("conversation_analytics")
    late = chance.sample(days, 3)
    put(lake, "conversation_analytics", late[0], [talk(user, 20 + step) for user in range(15)], run_id="late")
    put(lake, "mood_trends", late[1], [], run_id="late")
    streaky(lake, late[2], chance.sample(range(60), 40))
    kept = lake.read("retention_cohorts", late[0]).filter(pl.col("user_key") != key_of(chance.randrange(60)))
    lake.write("retention_cohorts", late[0], kept, key=MARTS["retention_cohorts"].key, run_id="late")
    if step % 2:
        lake.remove("service_performance", late[1])
        lake.remove("emotion_distribution", days[0])
    population(lake, first=days[-1] + timedelta(days=1), days=1 + step, seed=step)


@pytest.mark.parametrize("seed", range(3))
def test_releases_from_the_one_before_and_the_changed_days_equal_one_from_nothing(tmp_path: Path, seed: int) -> None:
    settings = Settings(home=tmp_path / "home")
    lake, chance = Lake(settings.lake), random.Random(seed)
    population(lake, first=FIRST, days=16, seed=seed)
    moment = datetime(2026, 3, 12, 2, tzinfo=UTC)
    publish(settings, lake, run_id="r0", now=moment)
    for step in range(3):
        edit(lake, chance, step)
        moment += timedelta(days=3 * step)
        assert publish(settings, lake, run_id="r1", now=moment + timedelta(minutes=1), full=False).kind == "incremental"
    grown = contents(settings)
    assert publish(settings, lake, run_id="r2", now=moment + timedelta(minutes=2), full=True).kind == "full"
    whole = contents(settings)
    assert {name for name in whole if whole[name] != grown[name]} == set()
    assert len(whole["restricted", "conversation_analytics"]) > 500


@pytest.mark.parametrize("gap", [0, 1, 17])
def test_a_week_becomes_final_as_the_calendar_goes_on_without_entries(home: Settings, gap: int) -> None:
    lake = Lake(home.lake)
    entry = {"user_key": key_of(1), "entry_count": 1, "mood_count": 1}
    put(lake, "mood_trends", FIRST, [entry])
    for offset in range(6):
        put(lake, "dim_date", FIRST + timedelta(days=offset), [{}])
    publish(home, lake, run_id="r1", now=NOW)
    final = "SELECT is_final FROM mart.mood_trends"
    assert query(home, final, restricted=True)["is_final"].to_list() == [False]
    put(lake, "dim_date", FIRST + timedelta(days=6 + gap), [{}])
    publish(home, lake, run_id="r2", now=NOW + timedelta(hours=1), full=False)
    assert query(home, final, restricted=True)["is_final"].to_list() == [True]
    lake.remove("dim_date", FIRST + timedelta(days=6 + gap))
    publish(home, lake, run_id="r3", now=NOW + timedelta(hours=2), full=False)
    assert query(home, final, restricted=True)["is_final"].to_list() == [False]


def test_a_release_without_any_change_reads_no_partition_and_holds_the_same(
    busy_copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(busy_copy)
    monkeypatch.setattr(Lake, "examine", lambda *_: pytest.fail("a partition that nobody wrote was read"))
    publish(busy_copy, Lake(busy_copy.lake), run_id="again", now=NOW + timedelta(minutes=1), full=False)
    assert contents(busy_copy) == before


def test_a_partition_altered_behind_an_incremental_release_stops_it(busy_copy: Settings) -> None:
    lake = Lake(busy_copy.lake)
    path = lake.path("mood_trends", FIRST)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    before = busy_copy.warehouse_file.read_bytes()
    with pytest.raises(PartitionDamagedError, match="mood_trends 2026-03-02"):
        publish(busy_copy, lake, run_id="r", now=NOW + timedelta(minutes=1), full=False)
    assert busy_copy.warehouse_file.read_bytes() == before


@pytest.mark.parametrize("why", ["altered file", "other definitions", "other settings", "an earlier day"])
def test_a_release_that_cannot_be_started_from_is_not(
    busy_copy: Settings, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    now = NOW + timedelta(minutes=1)
    if why == "altered file":
        path = busy_copy.releases / f"restricted_{releases(busy_copy)[-1]}.duckdb"
        path.chmod(0o600)
        path.write_bytes(path.read_bytes() + b" ")
    elif why == "other definitions":
        monkeypatch.setattr("warehouse.marts.release.definitions", lambda: "others")
    elif why == "other settings":
        busy_copy = busy_copy.model_copy(update={"suppress_below": 12})
    else:
        now = NOW - timedelta(days=2)
    assert publish(busy_copy, Lake(busy_copy.lake), run_id="r", now=now, full=False).kind == "full"


def test_checks_of_an_incremental_release_look_at_what_was_written(busy_copy: Settings) -> None:
    lake = Lake(busy_copy.lake)
    put(lake, "conversation_analytics", FIRST, [talk(user, 9) for user in range(30)], run_id="late")
    release = publish(busy_copy, lake, run_id="r", now=NOW + timedelta(minutes=1), full=False)
    looked = {(check.file, check.mart) for check in release.checks if check.name == "unique_grain"}
    again = {(check.file, check.mart) for check in release.checks if check.detail == UNCHANGED}
    assert looked - again == {("restricted", "conversation_analytics"), ("warehouse", "conversation_analytics")}


def test_a_repeated_key_in_a_replaced_day_refuses_the_release(
    busy_copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(busy_copy.lake)
    rows = pl.concat([mart_rows("conversation_analytics", [talk(1)])] * 2)
    path = lake.path("conversation_analytics", FIRST)
    rows.write_parquet(path)
    path.with_name("part-0.json").unlink()
    with pytest.raises(ReleaseRefusedError, match=r"conversation_analytics\.unique_grain: 1 repeated keys"):
        publish(busy_copy, lake, run_id="r", now=NOW + timedelta(minutes=1), full=False)


def test_a_partition_without_its_note_is_published_as_of_unknown_origin(home: Settings) -> None:
    lake = small(home)
    lake.path("conversation_analytics", FIRST).with_name("part-0.json").unlink()
    publish(home, lake, run_id="r", now=NOW)
    found = query(
        home, "SELECT DISTINCT metric_date, run_id, is_final FROM mart.conversation_analytics", restricted=True
    )
    assert sorted(found.rows()) == [(FIRST, "unknown", False), (FIRST + timedelta(days=1), "run", True)]


def test_the_calendar_is_of_whole_years_to_the_end_of_the_next(busy: Settings) -> None:
    for restricted in (True, False):
        found = query(
            busy, "SELECT min(metric_date), max(metric_date), count(*), bool_and(is_final) FROM mart.dim_date",
            restricted=restricted,
        )  # fmt: skip
        assert found.row(0) == (date(2026, 1, 1), date(2027, 12, 31), 730, True)
    gaps = query(
        busy, "SELECT count(*) AS n FROM mart.conversation_analytics ANTI JOIN mart.dim_date USING (metric_date)"
    )
    assert gaps["n"][0] == 0


def test_releases_are_full_while_that_is_fast_and_after_a_while_again(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = small(home)
    kinds = [publish(home, lake, run_id="r", now=NOW + timedelta(minutes=number)).kind for number in range(2)]
    monkeypatch.setattr("warehouse.marts.release.INCREMENTAL_AFTER_S", 0.0)
    monkeypatch.setattr("warehouse.marts.release.CHAIN", 2)
    kinds += [publish(home, lake, run_id="r", now=NOW + timedelta(minutes=number)).kind for number in range(2, 6)]
    assert kinds == ["full", "full", "incremental", "incremental", "full", "incremental"]


def test_the_dictionary_page_in_the_docs_is_the_declarations() -> None:
    page = Path(__file__).parents[2] / "docs" / "dictionary.md"
    assert page.read_text() == markdown(), "write it again: python -m warehouse.marts.describe > docs/dictionary.md"
