"""Step 8, store: rows of `memory.items` read for reconciliation and written, and their projection in LanceDB.

Text columns are ciphertext of the vault. `processed_content` is null where redaction changed nothing: the words without
identifiers are `content` then (`redacted`). What engram knows beside the columns stands in `extraction_metadata`:
`observations` (every time it was said, by what message, under which consent), `message_ids` (of the memory with all its
variants), `known_at` (when engram learnt it), `merged_into` (a variant's representative), `raw` and `floor` (scores
before repetition). What an item said beside its known keys may be as private as its words: it is sealed, whole, in its
observation's `extra`. Does not live here: what the rows become (`reconcile.py`), when which write happens
(`consolidation.py`).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl
import psycopg
from psycopg import sql

from assets.memory.fingerprint import packed, unpacked
from assets.memory.observations import OBSERVATION, canonical_time, comparable
from assets.memory.reconcile import NODES, TRAITS
from assets.memory.score import AXES
from assets.memory.slots import slotted
from warehouse import quarantine
from warehouse.live import MICROSECONDS, read_frame

if TYPE_CHECKING:
    import numpy as np

    from warehouse.vault import Keyring

TABLE = "memory.items"
EXTRA = "extraction_metadata"
"""The column in whose observations `extra` is ciphertext."""

_NO_EXTRA = '"extra":null}'
_NULLS = {f',"{name}":null': "" for name in OBSERVATION[1:]}
"""What observations do not say is not stored: of a row's columns it is their JSON that Postgres reads longest. No text
within holds these: in one a quote follows a backslash."""

_TIME = pl.Datetime("us", "UTC")
"""Of every time column: microseconds, UTC."""

DETAILS: dict[str, pl.DataType] = NODES | {
    "content_cipher": pl.String(),
    "processed_cipher": pl.String(),
    "fingerprint_cipher": pl.String(),
    "content": pl.String(),
    "processed_content": pl.String(),
    "pii_detected": pl.String(),
    "type": pl.String(),
    "significance_category": pl.String(),
    "source": pl.String(),
    "conversation_id": pl.String(),
    "message_id": pl.String(),
    "consent_id": pl.String(),
    "embedding_model": pl.String(),
    "known_at": _TIME,
    "was": pl.String(),
    "was_status": pl.String(),
}
"""A row with all that is needed to write it again; `was` tells whether it changed, `was_status` what it was, null when
new."""

MUTABLE = (
    "conversation_id", "message_id", "memory_type", "significance_level", "significance_category", "relevance_score",
    "stability_score", "explicitness_score", "composite_score", "user_consent", "extraction_metadata", "created_at",
    "updated_at", "is_active", "is_archived", "source", "valid_from", "valid_to", "superseded_by", "status",
    "embedding_model", "embedded_at", "consent_id",
)  # fmt: skip
"""Columns an existing row may change in; its words and their ciphertext stay."""


_TRAITS_READ = dict.fromkeys(("id", "user_id", "content_sha256", "rep", "sealed"), pl.String())
_TRAITS_OF = """
SELECT told.lines
FROM unnest(%s::uuid[]) AS asked(user_id)
CROSS JOIN LATERAL (
    SELECT string_agg(concat_ws(',', id, user_id, encode(content_sha256, 'hex'),
                                COALESCE(extraction_metadata->>'merged_into', id::text), fingerprint), E'\\n') AS lines
    FROM (SELECT * FROM memory.items WHERE user_id = asked.user_id AND fingerprint IS NOT NULL OFFSET 0) i) told
WHERE told.lines IS NOT NULL
"""
"""Person by person, through the index: a planner that has no statistics of a new table would read all of it for each
batch. The rows of one come as one text, of which none of the columns holds a comma or a line break: a value of Python's
for each would take as long as everything else."""


@dataclass(frozen=True)
class Compared:
    """What is compared of stored rows.

    Attributes:
        traits: columns of `reconcile.TRAITS`.
        outdated: ids of those whose fingerprint is of other rules than today's; here it is made anew, not yet there.
    """

    traits: pl.DataFrame
    outdated: list[str]


def read_traits(conn: psycopg.Connection, keyring: "Keyring", user_ids: Collection[str]) -> Compared:
    """What is compared of every stored row of these users."""
    return opened_traits(conn, keyring, sealed_traits(conn, user_ids))


def sealed_traits(conn: psycopg.Connection, user_ids: Collection[str]) -> str:
    """As `read_traits`, as it lies in Postgres: half of the work, and the half that waits for it."""
    return "\n".join(text for (text,) in conn.execute(_TRAITS_OF, [sorted(user_ids)]))


def opened_traits(conn: psycopg.Connection, keyring: "Keyring", lines: str) -> Compared:
    """What `sealed_traits` has read."""
    if not lines:
        return Compared(pl.DataFrame(schema=TRAITS), [])
    rows = pl.read_csv(lines.encode(), has_header=False, schema=_TRAITS_READ)
    owners, ids, sealed = (rows[name].to_list() for name in ("user_id", "id", "sealed"))
    columns, outdated = unpacked(keyring.open_bytes(TABLE, "fingerprint", owners, ids, sealed))
    traits = rows.with_columns(**columns).select(list(TRAITS))
    old = traits.filter(outdated)["id"].to_list()
    return Compared(_made_anew(conn, keyring, traits, old) if old else traits, old)


def _made_anew(conn: psycopg.Connection, keyring: "Keyring", traits: pl.DataFrame, ids: list[str]) -> pl.DataFrame:
    """`traits` with those of the named rows found in their words again."""
    rows = conn.execute(
        "SELECT id::text, user_id::text, content FROM memory.items WHERE id = ANY(%s::uuid[])", [ids]
    ).fetchall()
    if not rows:  # erased since their fingerprints were read
        return traits
    own, users, sealed = (list(column) for column in zip(*rows, strict=True))
    texts = keyring.decrypt(TABLE, "content", users, own, sealed)
    words = pl.DataFrame({"id": own, "content": texts}, schema=dict.fromkeys(("id", "content"), pl.String))
    found = comparable(slotted(words)).drop("content", "plain", "rep", "status")
    return traits.update(found, on="id", how="left")


def write_fingerprints(conn: psycopg.Connection, keyring: "Keyring", compared: Compared) -> None:
    """Put what was made anew in its place, so that it is not made again."""
    rows = compared.traits.filter(pl.col("id").is_in(compared.outdated))
    ids = rows["id"].to_list()
    conn.execute(
        "UPDATE memory.items i SET fingerprint = v.sealed FROM unnest(%s::uuid[], %s::text[]) AS v(id, sealed)"
        " WHERE i.id = v.id",
        [ids, keyring.encrypt(TABLE, "fingerprint", rows["user_id"].to_list(), ids, packed(rows))],
    )


_TOLD = pl.List(pl.Struct(dict.fromkeys(OBSERVATION, pl.String())))
_DETAILS_READ: dict[str, pl.DataType] = {
    **dict.fromkeys(("id", "user_id", "content_cipher", "processed_cipher", "fingerprint_cipher"), pl.String()),
    **dict.fromkeys(("pii_detected", "type", "significance_category", "source", "conversation_id"), pl.String()),
    **dict.fromkeys(("message_id", "consent_id", "embedding_model", "status", "superseded_by"), pl.String()),
    **dict.fromkeys(("first_at", "valid_from", "valid_to", "known_at"), _TIME),
    "composite_score": pl.Float64(),
    **{f"raw_{axis}": pl.Float64() for axis in AXES},
    "floor_level": pl.String(),
    "told": pl.String(),
    "messages": pl.UInt32(),
}
_DETAILS_OF = f"""
SELECT id, user_id, content, processed_content, fingerprint, pii_detected, memory_type, significance_category, source,
       conversation_id, message_id, consent_id, embedding_model, status, superseded_by,
       {MICROSECONDS.format("created_at")}, {MICROSECONDS.format("valid_from")}, {MICROSECONDS.format("valid_to")},
       {MICROSECONDS.format("COALESCE((extraction_metadata->>'known_at')::timestamptz, created_at)")}, composite_score,
       {", ".join(f"COALESCE((extraction_metadata->'raw'->>{axis})::float8, 0)" for axis in range(len(AXES)))},
       extraction_metadata->>'floor', COALESCE(extraction_metadata->'observations', '[]'),
       COALESCE(jsonb_array_length(extraction_metadata->'message_ids'), 0)
FROM memory.items WHERE id = ANY(%s::uuid[])
"""  # noqa: S608 - put together of constants


def read_details(
    conn: psycopg.Connection, keyring: "Keyring", traits: pl.DataFrame, ids: Collection[str]
) -> pl.DataFrame:
    """The whole rows behind these ids, columns of `DETAILS`; texts decrypted."""
    rows = read_frame(conn, _DETAILS_OF, [sorted(ids)], _DETAILS_READ) if ids else pl.DataFrame()
    if rows.is_empty():
        return pl.DataFrame(schema=DETAILS)
    owners, own = rows["user_id"].to_list(), rows["id"].to_list()
    opened = {
        name: pl.Series(keyring.decrypt(TABLE, name, owners, own, rows[cipher].to_list()), dtype=pl.String)
        for name, cipher in (("content", "content_cipher"), ("processed_content", "processed_cipher"))
    }
    return (
        rows.with_columns(**opened, observations=_opened(rows, keyring))
        .with_columns(
            processed_content=pl.coalesce("processed_content", "content"),
            was=_state(pl.col("messages")),
            was_status="status",
        )
        .join(traits.drop("user_id"), on="id")
        .select(list(DETAILS))
    )


def redacted(
    keyring: "Keyring",
    users: Sequence[str],
    ids: Sequence[str],
    contents: Sequence[str | None],
    processed: Sequence[str | None],
) -> list[str | None]:
    """The words without identifiers behind the ciphertexts of both columns; `content` is opened only where it is the
    one."""
    asked = [None if other is not None else own for own, other in zip(contents, processed, strict=True)]
    said = keyring.decrypt(TABLE, "content", users, ids, asked)
    clean = keyring.decrypt(TABLE, "processed_content", users, ids, processed)
    return [own if other is None else other for own, other in zip(said, clean, strict=True)]


def _state(messages: pl.Expr) -> pl.Expr:
    """A row's state as one text, given the number of its messages: equal texts need no write."""
    return pl.concat_str(
        *(
            part.cast(pl.String).fill_null("")
            for part in (
                pl.col("status"),
                pl.col("valid_from").cast(pl.Int64),
                pl.col("valid_to").cast(pl.Int64),
                pl.col("superseded_by"),
                pl.col("observations").list.len(),
                messages,
                (pl.col("composite_score").fill_null(0.0) * 10_000).round().cast(pl.Int64),
            )
        ),
        separator="|",
    )


def changed(rows: pl.DataFrame) -> pl.DataFrame:
    """Those of the settled rows that differ from what is stored, new ones included."""
    stored = rows.filter(pl.col("was").is_not_null())
    if stored.is_empty():
        return rows
    same = stored.filter(pl.col("was") == states(stored))
    return rows.join(same, on="id", how="anti", maintain_order="left")


def states(rows: pl.DataFrame) -> pl.Series:
    """Of settled rows what `was` says once they are stored."""
    return rows.select(_state(pl.col("message_ids").list.len())).to_series()


def _canonical(entry: dict[str, object]) -> str:
    return json.dumps({name: entry.get(name) for name in OBSERVATION}, ensure_ascii=False, separators=(",", ":"))


def _opened(rows: pl.DataFrame, keyring: "Keyring") -> pl.Series:
    """Stored observations (`told`, an array of JSON) as lists of canonical JSON, their `extra` decrypted, in order."""
    each = (
        rows.select("id", "user_id", told=pl.col("told").str.json_decode(_TOLD))
        .with_row_index("row")
        .explode("told", empty_as_null=False)
        .unnest("told")
    )
    sealed = each.select("user_id", "id", "extra").to_dict(as_series=False)
    extra = keyring.decrypt(TABLE, EXTRA, *sealed.values())
    by_row = (
        each.with_columns(extra=pl.Series(extra, dtype=pl.String))
        .select("row", observation=pl.struct(OBSERVATION).struct.json_encode())
        .group_by("row")
        .agg(pl.col("observation").sort())
    )
    places = pl.DataFrame({"row": pl.int_range(len(rows), dtype=pl.get_index_type(), eager=True)})
    return places.join(by_row, on="row", how="left", maintain_order="left")["observation"].fill_null([])


def _extras_sealed(rows: pl.DataFrame, keyring: "Keyring") -> pl.DataFrame:
    """Rows with the `extra` of their observations encrypted; most have none."""
    if rows.select(pl.col("observations").explode().str.ends_with(_NO_EXTRA).all()).item():
        return rows
    saying = rows.filter(~pl.col("observations").list.eval(pl.element().str.ends_with(_NO_EXTRA)).list.all())
    told = saying.select("id", "user_id", "observations").explode("observations")
    entries = [json.loads(text) for text in told["observations"]]
    ciphers = keyring.encrypt(
        TABLE, EXTRA, told["user_id"].to_list(), told["id"].to_list(), [entry["extra"] for entry in entries]
    )
    anew = [_canonical(entry | {"extra": cipher}) for entry, cipher in zip(entries, ciphers, strict=True)]
    by_row = (
        told.select("id", _sealed=pl.Series(anew, dtype=pl.String))
        .group_by("id", maintain_order=True)
        .agg(pl.col("_sealed"))
    )
    return (
        rows.join(by_row, on="id", how="left", maintain_order="left")
        .with_columns(observations=pl.coalesce("_sealed", "observations"))
        .drop("_sealed")
    )


def sealed(rows: pl.DataFrame, keyring: "Keyring") -> pl.DataFrame:
    """Encrypt what the observations say beside, and fill the ciphertext columns of new rows (those without
    `content_cipher`)."""
    rows = _extras_sealed(rows, keyring)
    places = rows["content_cipher"].is_null().arg_true()
    fresh = rows if len(places) == len(rows) else rows[places]
    if fresh.is_empty():
        return rows
    users, ids = fresh["user_id"].to_list(), fresh["id"].to_list()
    changed_words = fresh.select(
        pl.when(pl.col("processed_content") != pl.col("content")).then("processed_content")
    ).to_series()
    ciphers = {
        "content_cipher": keyring.encrypt(TABLE, "content", users, ids, fresh["content"].to_list()),
        "processed_cipher": keyring.encrypt(TABLE, "processed_content", users, ids, changed_words.to_list()),
        "fingerprint_cipher": keyring.encrypt(TABLE, "fingerprint", users, ids, packed(fresh)),
    }
    return rows.with_columns(
        rows[name].scatter(places, pl.Series(told, dtype=pl.String)) for name, told in ciphers.items()
    )


def write_items(conn: psycopg.Connection, rows: pl.DataFrame, *, model: str, now: datetime) -> bool:
    """Insert what is new, upsert what was stored, by (user, content); returns whether what was taken for new was new.

    Inserting without ON CONFLICT and its search for each row takes half the time.
    """
    from warehouse.live import copy_frame, upsert_frame

    if rows.is_empty():
        return True
    metadata = pl.concat_str(
        pl.lit('{"observations":['),
        pl.col("observations").list.join(",").str.replace_many(_NULLS),
        pl.lit('],"message_ids":['),
        pl.when(pl.col("message_ids").list.len() > 0)
        .then(pl.concat_str(pl.lit('"'), pl.col("message_ids").list.join('","'), pl.lit('"')))
        .otherwise(pl.lit("")),
        pl.lit('],"times_said":'),
        "times_said",
        pl.lit(',"raw":['),
        pl.concat_str(*(pl.col(f"raw_{axis}").round(4) for axis in AXES), separator=","),
        pl.lit('],"floor":'),
        _quoted(pl.col("floor_level")),
        pl.lit(',"known_at":"'),
        canonical_time("known_at"),
        pl.lit('","merged_into":'),
        _quoted(pl.when(pl.col("rep") != pl.col("id")).then("rep")),
        pl.lit("}"),
    )
    frame = _with_conversations(conn, rows).select(
        "id",
        "user_id",
        conversation_id="known_conversation",
        message_id="message_id",
        content="content_cipher",
        processed_content="processed_cipher",
        memory_type="type",
        significance_level="significance_level",
        significance_category="significance_category",
        relevance_score="relevance_score",
        stability_score="stability_score",
        explicitness_score="explicitness_score",
        composite_score="composite_score",
        pii_detected="pii_detected",
        user_consent=pl.when(pl.col("consent_id").is_null())
        .then(pl.lit('{"basis":"default"}'))
        .otherwise(pl.concat_str(pl.lit('{"basis":"consent","consent_id":"'), "consent_id", pl.lit('"}'))),
        extraction_metadata=metadata,
        created_at="first_at",
        updated_at=pl.lit(now, _TIME),
        is_active=pl.col("status") == "active",
        is_archived=pl.col("status") == "archived",
        content_sha256=pl.col("content_sha256").str.decode("hex"),
        source="source",
        valid_from="valid_from",
        valid_to="valid_to",
        superseded_by="superseded_by",
        status="status",
        embedding_model=pl.lit(model),
        embedded_at=pl.lit(now, _TIME),
        consent_id="consent_id",
        fingerprint="fingerprint_cipher",
    )
    new = rows["was"].is_null()
    try:
        with conn.transaction():  # a savepoint: the rows may be put in a second time
            copy_frame(conn, TABLE, frame if new.all() else frame.filter(new))
        unmet = True
    except psycopg.errors.UniqueViolation:
        # Somebody without the shard's lock was first: let those rows meet what is there.
        unmet, new = False, new.clear(len(new)).fill_null(value=False)
    upsert_frame(conn, TABLE, frame.filter(~new), key=("user_id", "content_sha256"), update=list(MUTABLE))
    return unmet


def _quoted(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_null()).then(pl.lit("null")).otherwise(pl.concat_str(pl.lit('"'), value, pl.lit('"')))


def _with_conversations(conn: psycopg.Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `known_conversation`: theirs where it exists and is the user's own."""
    asked = rows["conversation_id"].drop_nulls().unique().to_list()
    if not asked:
        return rows.with_columns(known_conversation=pl.lit(None, pl.String))
    found = conn.execute(
        "SELECT user_id::text, id::text, id::text FROM app.conversations WHERE id = ANY(%s::uuid[])", [asked]
    ).fetchall()
    schema = dict.fromkeys(("user_id", "conversation_id", "known_conversation"), pl.String)
    known = pl.DataFrame(found, schema=schema, orient="row")
    return rows.join(known, on=["user_id", "conversation_id"], how="left", maintain_order="left")


def projection(rows: pl.DataFrame, vectors: "np.ndarray[tuple[int, int], np.dtype[np.float32]]") -> pl.DataFrame:
    """Settled rows as LanceDB rows; `vectors` in the order of the rows."""
    return rows.select(
        "id",
        "user_id",
        content="processed_content",
        context=pl.lit(None, pl.String),
        type="type",
        significance_level="significance_level",
        created_at="first_at",
        content_sha256="content_sha256",
        conversation_id="conversation_id",
        message_ids="message_ids",
        valid_from="valid_from",
        valid_to="valid_to",
        known_at="known_at",
        superseded_by="superseded_by",
        status="status",
        composite_score="composite_score",
        vector=pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])),
    )


def write_quarantine(
    conn: psycopg.Connection, keyring: "Keyring", refused: pl.DataFrame, *, run_id: str | None, now: datetime
) -> int:
    """Keep refused bytes, sealed, with their reason; the same bytes of the same origin once, open again where they had
    been released. Returns how many were new.

    Args:
        conn: an open transaction.
        keyring: of `warehouse.quarantine.holders`, made where missing.
        refused: `source, origin, position, user_id` (null when it is no UUID), `reason, detail, payload` (bytes).
        run_id: the run that refused them.
        now: the run's clock.
    """
    from hashlib import sha256
    from uuid import NAMESPACE_URL, uuid5

    from warehouse.live import upsert_frame

    if refused.is_empty():
        return 0
    digests = [sha256(payload).digest() for payload in refused["payload"]]
    ids = [
        str(uuid5(NAMESPACE_URL, f"engram:quarantine:{source}:{origin}:{digest.hex()}"))
        for (source, origin), digest in zip(refused.select("source", "origin").iter_rows(), digests, strict=True)
    ]
    frame = refused.with_columns(
        id=pl.Series(ids),
        payload_sha256=pl.Series(digests, dtype=pl.Binary),
        run_id=pl.lit(run_id, pl.String),
        created_at=pl.lit(now, _TIME),
        released_at=pl.lit(None, _TIME),
    ).unique("id", keep="first", maintain_order=True)
    # A huge payload would be in memory several times over as the text of a COPY.
    huge = frame["payload"].bin.size() > _HUGE
    written = upsert_frame(
        conn, "ops.quarantine", _payload_sealed(frame.filter(~huge), keyring), key=("id",), update=["released_at"]
    ).inserted
    for one in frame.filter(huge).iter_slices(1):
        row = _payload_sealed(one, keyring)
        insert = sql.SQL(
            "INSERT INTO ops.quarantine ({}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET released_at = NULL"
            " RETURNING (xmax = 0)::int"
        ).format(
            sql.SQL(", ").join(map(sql.Identifier, row.columns)),
            sql.SQL(", ").join(sql.Placeholder() * len(row.columns)),
        )
        written += sum(new for (new,) in conn.execute(insert, row.row(0), binary=True).fetchall())
    return written


def _payload_sealed(frame: pl.DataFrame, keyring: "Keyring") -> pl.DataFrame:
    texts = quarantine.sealed(keyring, frame["user_id"].to_list(), frame["id"].to_list(), frame["payload"].to_list())
    return frame.drop("payload").with_columns(payload_sealed=pl.Series(texts, dtype=pl.String))


_HUGE = 2**20
