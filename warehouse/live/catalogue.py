"""What Postgres says the schema is, line by line, against what the revisions leave: nothing may change behind them.

Lives here: columns with defaults, CHECK and key texts, indexes, row-level security, policies, grants, triggers,
functions, roles (all read by `catalogue.sql`), and the bounds of partitions. Not here: the model (`drift.py`).
`migrations/catalogue.tsv` is the expectation; a test writes it anew when `ENGRAM_WRITE_SNAPSHOTS` is set. Read-only.
"""

from collections.abc import Iterable
from importlib.resources import files
from typing import Final, NamedTuple

import psycopg

from warehouse.live.database import Live
from warehouse.live.partitions import PARENTS, month
from warehouse.live.revisions import folder

SCHEMAS: Final = (
    *("app", "auth", "compliance", "engagement", "journal", "knowledge"),
    *("memory", "ops", "safety", "scheduling", "voice"),
)
OPTIONAL: Final = frozenset({"entries_content_trgm_idx", "topics_name_trgm_idx"})
"""Indexes made only where the server has pg_trgm."""

_CHILDREN = """
    SELECT c.oid::regclass::text, pg_get_expr(c.relpartbound, c.oid), c.relrowsecurity AND c.relforcerowsecurity,
        EXISTS (SELECT FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner),
        (SELECT bool_and(x.indisvalid) FROM pg_index AS x WHERE x.indrelid = c.oid),
        (SELECT bool_and(k.convalidated) FROM pg_constraint AS k WHERE k.conrelid = c.oid)
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(%(parent)s) ORDER BY 1
"""


class Line(NamedTuple):
    """One thing of the schema: its kind, its name, how Postgres defines it."""

    kind: str
    name: str
    definition: str


def catalogue(live: Live) -> list[Line]:
    """Everything the revisions make, as this server describes it, sorted."""
    with live.connect(owner=True) as connection:
        return _read(connection)


def expected() -> list[Line]:
    """The lines of `migrations/catalogue.tsv`: a database at the newest revision."""
    text = folder().joinpath("catalogue.tsv").read_text("utf-8")
    return [Line(*line.split("\t")) for line in text.splitlines()]


def written(lines: Iterable[Line]) -> str:
    """The lines as the file holds them."""
    return "".join("\t".join(line) + "\n" for line in lines)


def departures(live: Live) -> list[str]:
    """What differs from the revisions: `missing policy app.messages.messages_app`, `unexpected …`, `changed …`, bounds.

    Names only, so a finding can be shown anywhere; sorted, empty when all is as migrated.
    """
    with live.connect(owner=True) as connection:
        return departures_seen(connection)


def departures_seen(connection: psycopg.Connection) -> list[str]:
    """As `departures`, inside the transaction of an open connection."""
    found, wanted = _grouped(_read(connection)), _grouped(expected())
    findings = [
        f"{'missing' if key not in found else 'unexpected' if key not in wanted else 'changed'} {' '.join(key)}"
        for key in found.keys() | wanted.keys()
        if found.get(key) != wanted.get(key)
    ]
    for parent in PARENTS:
        findings += _bounds(connection, parent)
    return sorted(findings)


def _read(connection: psycopg.Connection) -> list[Line]:
    query = files("warehouse.live").joinpath("catalogue.sql").read_bytes()
    rows = connection.execute(query, {"schemas": list(SCHEMAS)})
    lines = (Line(kind, name, " ".join(definition.split())) for kind, name, definition in rows)
    return sorted(line for line in lines if line.name.rsplit(".", 1)[-1] not in OPTIONAL)


def _grouped(lines: Iterable[Line]) -> dict[tuple[str, str], set[str]]:
    """Definitions by kind and name: a table has one grant line per role."""
    grouped: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        grouped.setdefault((line.kind, line.name), set()).add(line.definition)
    return grouped


def _bounds(connection: psycopg.Connection, parent: str) -> list[str]:
    """Partitions that are not exactly their month in UTC, or that can be reached around their parent's policies."""
    findings = []
    for name, bound, guarded, granted, valid, validated in connection.execute(_CHILDREN, {"parent": parent}):
        try:
            due = month(parent, name)
        except ValueError:
            findings.append(f"changed partition {name}: its name is no month")
            continue
        if bound != f"FOR VALUES FROM ('{due.lower:%Y-%m-%d} 00:00:00+00') TO ('{due.upper:%Y-%m-%d} 00:00:00+00')":
            findings.append(f"changed partition {name}: bounds")
        if not guarded or granted:
            findings.append(f"changed partition {name}: open around its parent")
        if not (valid and validated):
            findings.append(f"changed partition {name}: an index or a constraint is not valid")
    return findings
