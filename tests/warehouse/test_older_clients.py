"""Clients of the older DuckDB open what the newer one publishes. Run by `make duckdb`, which installs the older one."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.lakes import NOW, population
from warehouse.lake import Lake
from warehouse.marts import documented_questions, publish, published
from warehouse.settings import Settings

FIRST = date(2026, 3, 2)
OLDER = os.environ.get("OLDER_DUCKDB")

CLIENT = """
import json, sys
import duckdb
warehouse, restricted, older, questions = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
seen = {"version": duckdb.__version__, "rows": {}, "bare": 0, "answers": 0}
for path in (warehouse, restricted):
    with duckdb.connect(path, read_only=True) as con:
        catalog = con.execute("SELECT current_database()").fetchone()[0]
        for (table,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'mart'").fetchall():
            seen["rows"][f"{catalog}.{table}"] = len(con.execute(f"SELECT * FROM mart.{table}").fetchall())
        for (view,) in con.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'metric'").fetchall():
            con.execute(f"SELECT * FROM metric.{view}").fetchall()
        seen["bare"] += con.execute(
            "SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'mart' AND comment IS NULL").fetchone()[0]
with duckdb.connect(warehouse, read_only=True) as con:
    seen["answers"] = sum(con.execute(question).fetchall() is not None for question in questions)
    con.execute(f"ATTACH '{older}' AS before (READ_ONLY)")
    con.execute("SELECT count(*) FROM before.mart.conversation_analytics").fetchall()
print(json.dumps(seen))
"""


@pytest.mark.skipif(OLDER is None, reason="OLDER_DUCKDB names no folder with the older DuckDB; see `make duckdb`")
@pytest.mark.parametrize("full", [True, False])
def test_a_client_of_the_older_duckdb_reads_every_table_view_comment_and_question(tmp_path: Path, full: bool) -> None:
    settings = Settings(home=tmp_path / "home")
    lake = Lake(settings.lake)
    population(lake, first=FIRST, days=20)
    first = publish(settings, lake, run_id="r1", now=NOW)
    population(lake, first=FIRST + timedelta(days=20), days=1)
    last = publish(settings, lake, run_id="r2", now=NOW + timedelta(hours=1), full=full)
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, str(settings.warehouse_file), str(settings.restricted_file),
         str(first.paths["warehouse"]), json.dumps([question.sql for question in documented_questions()])],
        env={**os.environ, "PYTHONPATH": str(Path(OLDER or "").absolute())}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seen = json.loads(done.stdout)
    assert seen["version"] < duckdb.__version__
    assert seen["rows"] == {
        f"{file}.{mart.name}": last.rows[file][mart.name] for file in last.rows for mart in published()
    }
    assert (seen["bare"], seen["answers"]) == (0, 12)
