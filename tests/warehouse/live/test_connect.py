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


def test_out_of_reach_is_something_to_try_again() -> None:
    with pytest.raises(LiveUnavailable), Live("postgresql://nobody@127.0.0.1:1/none").connect():
        pass
