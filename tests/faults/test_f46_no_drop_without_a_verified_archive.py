"""F46: whatever is wrong with the archive or its ledger entry, the rows behind it are not dropped."""

from pathlib import Path
from uuid import UUID

from assets.retention.drop import Engine
from tests.assets.retention.scene import MONTH, Run, rows_of
from warehouse.live import Live


def test_f46_an_unproven_archive_keeps_its_rows(run: Run, live: Live, old: list[UUID]) -> None:
    def ledger(statement: str) -> None:
        with live.connect() as connection:
            connection.execute(statement)

    run()
    with live.connect() as connection:
        sound = connection.execute(
            "SELECT rows, archive_path, archive_sha256, archived_at, verified_at FROM ops.detached_partitions"
            " WHERE partition = %s",
            (MONTH,),
        ).fetchone()
    for change in (
        "verified_at = NULL",
        "archive_path = NULL, archived_at = NULL, verified_at = NULL, archive_sha256 = NULL",
        "archive_path = 'app.messages/2025-04.parquet'",
        "archive_sha256 = sha256('another')",
        "rows = 4",
    ):
        ledger(f"UPDATE ops.detached_partitions SET {change} WHERE partition = '{MONTH}'")
        assert run(days=7)[MONTH].state == "blocked", change
        assert rows_of(live, MONTH) == 3
        with live.connect() as connection:
            connection.execute(
                "UPDATE ops.detached_partitions SET rows = %s, archive_path = %s, archive_sha256 = %s,"
                " archived_at = %s, verified_at = %s WHERE partition = %s",
                (*(sound or ()), MONTH),
            )
    assert run(days=7)[MONTH].state == "dropped"


def test_f46_a_missing_archive_keeps_its_rows(
    run: Run, machine: Engine, live: Live, old: list[UUID], archive_file: Path
) -> None:
    run()
    archive_file.unlink()
    blocked = run(days=30)[MONTH]
    assert (blocked.state, "cannot be read" in blocked.reason) == ("blocked", True)
    assert rows_of(live, MONTH) == 3
