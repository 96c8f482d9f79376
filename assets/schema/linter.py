"""The migration linter: squawk over the SQL of every revision.

A revision that would stall the live services (an index not built concurrently, a CHECK validated under a lock, no
lock_timeout) is refused before it is run. squawk comes with the development tools; production never calls this.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

OLDEST_POSTGRES: Final = "15"
EXCLUDED: Final = {
    "prefer-bigint-over-int": "counts, minutes and scores of one row; every key is a uuid",
    "prefer-robust-stmts": "each revision is one transaction, so none stops half way",
    "require-statement-timeout": "lock_timeout bounds what others wait for; a build may take its time",
    "prefer-text-field": "the one varchar is Alembic's own table",
}
"""Rules that are not applied, each with its reason."""


class Finding(NamedTuple):
    """One thing squawk refuses in one revision."""

    revision: str
    line: int
    rule: str
    message: str


def lint(scripts: dict[str, str]) -> list[Finding]:
    """What squawk refuses in each script, by revision and line; empty when all are safe.

    Args:
        scripts: SQL by revision, e.g. `warehouse.live.revisions.script()`.

    Raises:
        FileNotFoundError: squawk is not installed.
    """
    program = Path(sys.executable).with_name("squawk")
    if not program.exists():
        raise FileNotFoundError("squawk: expected it beside this Python, found nothing; run `make setup`")
    return [finding for revision, text in scripts.items() for finding in _findings(program, revision, text)]


def _findings(program: Path, revision: str, text: str) -> list[Finding]:
    # Each revision runs in the transaction that its script opens, so squawk is not told to assume another one.
    ran = subprocess.run(
        [
            *(str(program), "--reporter", "json", "--pg-version", OLDEST_POSTGRES),
            *("--stdin-filepath", f"{revision}.sql", "--exclude", ",".join(sorted(EXCLUDED))),
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if not ran.stdout.strip():
        raise RuntimeError(f"squawk: expected a report on revision {revision}, got none (exit code {ran.returncode})")
    return [
        Finding(revision, int(each["line"]) + 1, str(each["rule_name"]), str(each["message"]))
        for each in json.loads(ran.stdout)
    ]
