"""Connections: what they commit, what their errors say, and what a kept one does when the process ends."""

import gc
import sys

import psycopg
import pytest

from warehouse.live import Live, LiveError, LiveUnavailable


def test_a_connection_kept_until_the_process_ends_says_nothing_about_it(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    gc.collect()  # what others left must not be taken down now
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    kept = live.connect(autocommit=True)
    connection = kept.__enter__()
    monkeypatch.setattr("warehouse.live.failures.psycopg", None)  # as when the interpreter takes its modules down

    del kept
    gc.collect()

    assert said == []
    assert connection.closed


def test_a_clean_exit_commits_and_an_error_rolls_back(live: Live) -> None:
    with live.connect() as connection:
        connection.execute("INSERT INTO ops.watermarks (pipeline, scope, position) VALUES ('a', 'b', '{}')")
    with pytest.raises(ZeroDivisionError):
        _emptied_and_failed(live)
    assert live.read("SELECT count(*) AS n FROM ops.watermarks")["n"][0] == 1


def _emptied_and_failed(live: Live) -> None:
    with live.connect() as connection:
        connection.execute("DELETE FROM ops.watermarks")
        raise ZeroDivisionError


def test_an_error_of_postgres_names_the_place_and_not_the_value(live: Live) -> None:
    twice = "INSERT INTO auth.users (email) VALUES ('private@example.org'), ('private@example.org')"
    with pytest.raises(LiveError, match="23505") as refused, live.connect() as connection:
        connection.execute(twice)
    assert "private" not in str(refused.value) + repr(refused.value.__cause__)
    assert not isinstance(refused.value.__context__, psycopg.Error) or refused.value.__suppress_context__


def test_lent_connections_are_used_again_and_none_after_an_error(live: Live) -> None:
    def session(connection: psycopg.Connection) -> object:
        return connection.execute("SELECT pg_backend_pid(), current_user").fetchone()

    with live.lending() as lending:
        with lending.connect() as one, lending.connect() as two:
            first, second = session(one), session(two)
        with lending.connect() as again:
            assert session(again) in (first, second)
            again.execute("BEGIN")
        with pytest.raises(LiveError), lending.connect() as failing:
            failing.execute("SELECT 1/0")
        with lending.connect() as fresh:
            assert session(fresh) not in (first, second)

    assert [connection.closed for connection in (one, two, again, failing, fresh)] == [True] * 5


def test_out_of_reach_is_something_to_try_again() -> None:
    with pytest.raises(LiveUnavailable), Live("postgresql://nobody@127.0.0.1:1/none").connect():
        pass
