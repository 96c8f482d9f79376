"""Bulk writes keep every value as it is, under row-level security too."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import polars as pl
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import NOON, conversation, user
from warehouse.live import MICROSECONDS, Live, LiveError, Upserted, copy_frame, read_frame, upsert_frame

TRICKY = [
    *("plain", "", None, "NULL", "\\N", "\\.", "a\n\\.\nb", "a\n\\.", 'a "quoted" word', '""', "comma, comma"),
    *("new\nline", "cr\r\nlf\r", "tab\t", "back\\slash", "\\x41", " edges ", "café", "🙂 \U0001f469‍💻", "ﷺ", "0"),
]
TABLE = "CREATE TEMPORARY TABLE kept (position int, t text, b bytea, i bigint, f float8, at timestamptz, j jsonb)"
FRAME = {"t": pl.String, "b": pl.Binary, "i": pl.Int64, "f": pl.Float64, "at": pl.Datetime("us", "UTC")}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "t": st.none() | TEXTS | st.sampled_from(TRICKY),
            "b": st.none() | st.binary(max_size=40),
            "i": st.none() | st.integers(-(2**63), 2**63 - 1),
            "f": st.none() | st.floats(allow_nan=False),
            "at": st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
        }
    ),
    min_size=1,
    max_size=20,
)


def kept(connection: psycopg.Connection, rows: list[dict[str, object]]) -> pl.DataFrame:
    """The rows as a frame, and in a table of their own."""
    frame = pl.DataFrame(rows, schema=FRAME).with_row_index("position")
    connection.execute(TABLE)
    copy_frame(connection, "pg_temp.kept", frame)
    return frame


@given(rows=ROWS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_copied_reads_back_the_same(migrated: Live, rows: list[dict[str, object]]) -> None:
    with migrated.connect() as connection:
        frame = kept(connection, rows)
        found = connection.execute("SELECT t, b, i, f, at FROM kept ORDER BY position").fetchall()
    assert found == frame.drop("position").rows()


READ = {name: kind for name, kind in FRAME.items() if name != "b"}
COLUMNS = f"t, i, f, {MICROSECONDS.format('at')}"


@given(rows=ROWS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_stored_is_read_the_same(migrated: Live, rows: list[dict[str, object]]) -> None:
    with migrated.connect() as connection:
        frame = kept(connection, rows)
        query = f"SELECT {COLUMNS} FROM kept WHERE position >= %s ORDER BY position"
        found = read_frame(connection, query, [1], READ)
        nothing = read_frame(connection, query, [len(rows)], READ)
    assert found.equals(frame.select(*READ)[1:])
    assert nothing.equals(pl.DataFrame(schema=READ))


def test_null_and_an_empty_string_stay_apart_in_a_column_alone(migrated: Live) -> None:
    with migrated.connect() as connection:
        connection.execute(TABLE)
        copy_frame(connection, "pg_temp.kept", pl.DataFrame({"t": TRICKY}))
        assert [text for (text,) in connection.execute("SELECT t FROM kept")] == TRICKY


def test_uuid_jsonb_arrays_and_numerics_may_come_as_text(migrated: Live) -> None:
    identity = uuid4()
    with migrated.connect() as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE typed (u uuid, j jsonb, a text[], n numeric(10, 4), d date, o boolean)"
        )
        copy_frame(
            connection,
            "pg_temp.typed",
            pl.DataFrame(
                {
                    "u": [str(identity)],
                    "j": ['{"a": "x\\ny", "b": null}'],
                    "a": ['{"one, two",three,NULL}'],
                    "n": ["12.3400"],
                    "d": [date(2024, 2, 29)],
                    "o": [True],
                }
            ),
        )
        found = connection.execute("SELECT * FROM typed").fetchone()
    assert found == (
        identity,
        {"a": "x\ny", "b": None},
        ["one, two", "three", None],
        Decimal("12.3400"),
        date(2024, 2, 29),
        True,
    )


def test_a_column_of_lists_is_refused_by_name(migrated: Live) -> None:
    with migrated.connect() as connection, pytest.raises(TypeError, match="content"):
        copy_frame(connection, "app.messages", pl.DataFrame({"content": [["a"]]}))


def test_copy_goes_into_a_guarded_table_as_the_batch_role(migrated: Live) -> None:
    frame = _people(3)
    with migrated.connect() as connection:
        assert copy_frame(connection, "auth.users", frame) == 3
        found = connection.execute(
            "SELECT count(*) FROM auth.users WHERE id = ANY(%s::uuid[])", (frame["id"].to_list(),)
        )
        assert found.fetchone() == (3,)


def test_an_upsert_counts_what_it_put_in_and_what_it_changed(migrated: Live) -> None:
    person = user(migrated)
    talk = conversation(migrated, person)
    rows = _messages(person, talk, 4)
    changed = pl.concat([rows.head(2), _messages(person, talk, 1)]).with_columns(content=pl.lit("changed"))
    key, update = ["id", "created_at"], ["content"]
    with migrated.connect() as connection:
        assert upsert_frame(connection, "app.messages", rows, key=key, update=update) == Upserted(4, 0)
        assert upsert_frame(connection, "app.messages", rows, key=key, update=update) == Upserted(0, 0)
        assert upsert_frame(connection, "app.messages", changed, key=key, update=update) == Upserted(1, 2)
        assert upsert_frame(connection, "app.messages", changed, key=key) == Upserted(0, 0)


def test_an_error_names_the_constraint_and_no_value(migrated: Live) -> None:
    person = user(migrated)
    private = "the private of one person"
    rows = _messages(person, conversation(migrated, person), 1).with_columns(
        content=pl.lit(private), role=pl.lit("ghost")
    )
    with pytest.raises(LiveError, match="messages_role_check") as caught, migrated.connect() as connection:
        copy_frame(connection, "app.messages", rows)
    assert caught.value.sqlstate == "23514"
    assert private not in _chain(caught.value)


def test_a_value_of_the_wrong_form_is_not_quoted(migrated: Live) -> None:
    private = "not-a-uuid-but-a-name"
    with pytest.raises(LiveError) as caught, migrated.connect() as connection:
        copy_frame(connection, "auth.users", pl.DataFrame({"id": [private]}))
    assert private not in _chain(caught.value)


def test_bulk_reads_take_parameters_and_see_one_moment(migrated: Live) -> None:
    person = user(migrated)
    with migrated.snapshot() as moment:
        query = "SELECT id::text FROM auth.users WHERE id = $1::uuid OR created_at > $2"
        before = moment.read(query, (str(person), datetime(2100, 1, 1, tzinfo=UTC)))
        later = user(migrated, at=datetime(2101, 1, 1, tzinfo=UTC))
        assert moment.read(query, (str(person), datetime(2100, 1, 1, tzinfo=UTC))).equals(before)
    assert before["id"].to_list() == [str(person)]
    assert str(later) in migrated.read("SELECT id::text FROM auth.users")["id"].to_list()
    assert sum(part.height for part in migrated.batches("SELECT n FROM generate_series(1, 5000) AS n")) == 5000


def _people(number: int) -> pl.DataFrame:
    return pl.DataFrame({"id": [str(uuid4()) for _ in range(number)], "full_name": [None, *[""] * (number - 1)]})


def _messages(person: UUID, talk: UUID, number: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [str(uuid4()) for _ in range(number)],
            "conversation_id": [str(talk)] * number,
            "user_id": [str(person)] * number,
            "content": ["said"] * number,
            "role": ["user"] * number,
            "created_at": [NOON] * number,
        }
    )


def _chain(error: BaseException | None) -> str:
    said = []
    while error is not None:
        said.append(f"{error} {error.args}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return " ".join(said)
