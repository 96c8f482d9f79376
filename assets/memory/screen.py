"""Step 2, screen: bytes in, well-formed memories and refusals with a reason out. Touches no store.

Decided here (each has a test):

* A memory's time is RFC 3339 with an offset. Missing, naive and epoch times are refused: guessing them would decide
  consent by a guess. Times before 2000, after year 9999 or further ahead than the setting are refused.
* A key that appears twice is refused: two readers could see two different memories in the same bytes.
* NaN and Infinity are refused, nesting deeper than `DEPTH` is refused, before anything recursive sees it.
* NUL and lone surrogates are taken out, text is NFC: the same words are then the same bytes in every store.
* Unknown keys are kept, as JSON.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from pydantic_core import from_json

from assets.memory.queries import collected

MEMORY_TYPES = ("personal_fact", "preference", "goal", "emotional_state", "event", "relationship", "coping")
LEVELS = ("low", "moderate", "high", "critical")
DEPTH = 200
"""Levels of nesting read; the parser's own limit."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_OPTIONAL = ("conversation_id", "message_id", "id", "significance_level")
_KNOWN = frozenset({"content", "type", "timestamp", *_OPTIONAL})
_TYPES = frozenset(MEMORY_TYPES)
_SURROGATES = dict.fromkeys(range(55296, 57344)) | {0: None}

SCREENED: dict[str, pl.DataType] = {
    "position": pl.UInt32(),
    "user_id": pl.String(),
    "source": pl.String(),
    "content": pl.String(),
    "type": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "conversation_id": pl.String(),
    "message_id": pl.String(),
    "significance_level": pl.String(),
    "declared_id": pl.String(),
    "extra": pl.String(),
}
"""Columns of a screened memory; `position` leads back to the bytes, `extra` is a JSON object of what was not known."""

_READ = {name: kind for name, kind in SCREENED.items() if name != "source"} | {"at": pl.String()}

REFUSED: dict[str, pl.DataType] = {"position": pl.UInt32(), "reason": pl.String(), "detail": pl.String()}
"""Columns of a refusal: a short code, and the field with its shape, never a value."""


@dataclass(frozen=True)
class Screened:
    """What came through, and what did not with its reason."""

    items: pl.DataFrame
    refused: pl.DataFrame


class _RefusedError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def clean_text(text: str) -> str:
    """NFC text without NUL and lone surrogates: Postgres refuses the first, every store the second."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # Two halves of a pair that were escaped one by one are one character.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore").translate(_SURROGATES)
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def screen(
    user_ids: Sequence[str], raws: Sequence[bytes], *, now: datetime, item_bytes: int, far_future: int
) -> Screened:
    """Parse and validate items of Redis.

    Args:
        user_ids: canonical user id per item.
        raws: the bytes per item.
        now: the run's clock, aware.
        item_bytes: largest item, bytes.
        far_future: seconds a time may lie ahead of `now`.

    Returns:
        Items with the columns of `SCREENED`, refusals with those of `REFUSED`.
    """
    places: list[int] = []
    read: list[tuple[object, ...]] = []
    refused: list[tuple[int, str, str]] = []
    for position, raw in enumerate(raws):
        try:
            read.append(_read(raw, item_bytes))
            places.append(position)
        except _RefusedError as refusal:
            refused.append((position, refusal.reason, refusal.detail))
        except Exception as error:  # noqa: BLE001 - one item must never stop the others
            refused.append((position, "unprocessable", f"item: {type(error).__name__} while reading {len(raw)} bytes"))
    owners = [user_ids[place] for place in places]
    columns = zip(*read, strict=True) if read else ((),) * (len(_READ) - 2)
    frame = pl.DataFrame([places, owners, *map(list, columns)], schema=_READ).with_columns(source=pl.lit("redis"))
    return timed(frame, pl.DataFrame(refused, schema=REFUSED, orient="row"), now=now, far_future=far_future)


def timed(frame: pl.DataFrame, refused: pl.DataFrame, *, now: datetime, far_future: int) -> Screened:
    """Turn `at` from RFC 3339 text into UTC, moving what is no possible time to the refusals."""
    at, time = pl.col("at"), pl.col("time")
    told = frame.lazy().with_columns(
        time=pl.when(at.str.contains(r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*([Zz]|[+-]\d\d:?\d\d)$")).then(
            at.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
        )
    )
    possible = time.is_between(EARLIEST, now + timedelta(seconds=far_future)).fill_null(value=False)
    judged = collected(told.with_columns(possible=possible))
    good = collected(judged.lazy().filter("possible").with_columns(at="time").select(list(SCREENED)))
    if len(good) == len(judged):
        return Screened(good, refused)
    bad = judged.filter(~pl.col("possible")).with_columns(
        reason=pl.when(at.is_null())
        .then(pl.lit("time_missing"))
        .when(at.str.contains(r"^-?\d{9,}(\.\d+)?$"))
        .then(pl.lit("time_epoch"))
        .when(at.str.contains(r"^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?$"))
        .then(pl.lit("time_naive"))
        .when(at.str.contains(r"^[+-]?\d{5,}-"))
        .then(pl.lit("time_out_of_range"))
        .when(time.is_null())
        .then(pl.lit("wrong_type"))
        .otherwise(pl.lit("time_out_of_range"))
    )
    late = bad.select(
        "position",
        "reason",
        detail=pl.when(pl.col("reason") == "time_missing")
        .then(pl.lit("timestamp: missing; expected RFC 3339 with an offset"))
        .otherwise(
            pl.format(
                "timestamp: {} characters; expected RFC 3339 with an offset, from 2000 to {} s ahead of now",
                pl.col("at").str.len_chars(),
                pl.lit(far_future),
            )
        ),
    )
    return Screened(good, pl.concat([refused, late.cast(REFUSED)]).sort("position"))  # type: ignore[arg-type]


def _read(raw: bytes, item_bytes: int) -> tuple[object, ...]:
    """One item's values in the order of `_READ` after `user_id`, the time still as text."""
    if len(raw) > item_bytes:
        raise _RefusedError("too_large", f"item: {len(raw)} bytes, at most {item_bytes} are taken")
    document = _document(raw)
    content = document.get("content")
    if content.__class__ is not str:
        raise _missing_or_wrong(document, "content", "text")
    content = clean_text(content).strip()
    if not content or not (content[0].isprintable() or any(map(_can_be_seen, content))):
        raise _RefusedError("empty", "content: nothing that can be seen")
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        if isinstance(kind, str):
            raise _RefusedError("unknown_type", f"type: {len(kind)} characters, none of the {len(MEMORY_TYPES)} known")
        raise _missing_or_wrong(document, "type", "text")
    at = document.get("timestamp")
    if at is not None and at.__class__ is not str:
        if isinstance(at, int | float) and not isinstance(at, bool):
            raise _RefusedError("time_epoch", "timestamp: a number; expected RFC 3339 text with an offset")
        raise _RefusedError("wrong_type", f"timestamp: {type(at).__name__}; expected RFC 3339 text with an offset")
    conversation, message, own, level = map(document.get, _OPTIONAL)
    # What is not known, or not in the form it should have, is not ours to throw away.
    extra = {key: value for key, value in document.items() if key not in _KNOWN}
    if conversation is not None and not _is_uuid(conversation):
        extra["conversation_id"], conversation = conversation, None
    if message is not None and not _is_uuid(message):
        extra["message_id"], message = message, None
    if own is not None and not _is_uuid(own):
        extra["id"], own = own, None
    if level is not None and level not in LEVELS:
        extra["significance_level"], level = level, None
    return content, kind, at, conversation, message, level, own, json_text(extra) if extra else None


def _can_be_seen(letter: str) -> bool:
    return letter.isprintable() and not letter.isspace()


def json_text(value: object) -> str:
    """JSON that jsonb takes: no NaN, no NUL, no lone surrogate, text in NFC."""
    try:
        text = _encode(value)
        return text if text.isascii() and "\\u0000" not in text else _encode(_clean(value))
    except ValueError as error:
        raise _RefusedError("nan", "metadata: a number that is not finite") from error


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return value


def _document(raw: bytes) -> dict[str, Any]:
    """The JSON object in the bytes; the quick reader first, the careful one where it cannot be sure."""
    try:
        document = from_json(raw, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        if "recursion" in str(error):
            raise _RefusedError("too_deep", f"item: JSON nested more than {DEPTH} levels") from None
        document = _careful(raw)
    else:
        # Strings in the bytes against strings kept: fewer were kept when a key came twice.
        if b'\\"' in raw or raw.count(b'"') != 2 * _strings(document):
            document = _careful(raw)
    if not isinstance(document, dict):
        raise _RefusedError("wrong_type", f"item: JSON {type(document).__name__}; expected an object")
    return document


def _strings(value: object) -> int:
    """Strings in a value, keys included."""
    if value.__class__ is str:
        return 1
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    count = len(value) if isinstance(value, dict) else 0
    for inner in inside:
        count += 1 if inner.__class__ is str else _strings(inner)
    return count


def _careful(raw: bytes) -> object:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise _RefusedError("not_utf8", f"item: byte {error.start} of {len(raw)} is not UTF-8") from None
    try:
        return json.loads(text, object_pairs_hook=_single_keys, parse_constant=_not_finite)
    except json.JSONDecodeError as error:
        raise _RefusedError("malformed_json", f"item: {len(raw)} bytes, not JSON from character {error.pos}") from None
    except RecursionError:
        raise _RefusedError("too_deep", f"item: JSON nested more than {DEPTH} levels") from None


def _single_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise _RefusedError("duplicate_keys", "item: a key appears twice in one object")
    return document


def _not_finite(_: str) -> object:
    raise _RefusedError("nan", "item: NaN or Infinity, which JSON does not have")


def _missing_or_wrong(document: Mapping[str, object], field: str, expected: str) -> _RefusedError:
    value = document.get(field)
    if value is None:
        return _RefusedError("missing_field", f"{field}: missing; expected {expected}")
    return _RefusedError("wrong_type", f"{field}: {type(value).__name__}; expected {expected}")


_is_uuid_text = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII).fullmatch


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _is_uuid_text(value) is not None
