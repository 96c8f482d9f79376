"""From the bytes of a JSON Lines file to records and faults, one line at a time.

Lives here: splitting with a bound on a line's length, decoding, repairing text, naming what is wrong with a line.
Does not live here: anything that knows other lines or a store (`accounts.py`, `deliver.py`).

A line without fault costs one typed decode and three scans of its bytes. Everything slow - looking for duplicate
keys, walking nested values, telling one kind of bad time from another - happens only on a line that shows a sign of it.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import IO, Any, Final

import msgspec

from assets.intake.records import AHEAD, MOMENTS, Document, Record
from assets.memory import clean_text

LINE_BYTES: Final = 1 << 20
"""Longest line read, bytes. A longer one is hashed and skipped without being held."""

DEPTH: Final = 32
"""Deepest nesting of arrays and objects in a line."""

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No service this data can come from is older; each month seen becomes a partition, so a stray year costs."""

LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Bound of the times that may lie ahead (an expiry); leaves room for time zone arithmetic."""

_DECODER = msgspec.json.Decoder(Record)
_KEYS = re.compile(rb'"(\w+)"\s*:')
_ESCAPED_KEY = re.compile(rb'\\u[0-9a-fA-F]{4}(?:\w|\\u[0-9a-fA-F]{4})*"\s*:')
_PATH = re.compile(r"at `(\$[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(\w+)`")
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?")


@dataclass(frozen=True, slots=True)
class Good:
    """A record and the line it came from."""

    number: int
    raw: bytes
    record: Record


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that goes to quarantine.

    Attributes:
        number: line number from 1.
        reason: short code, see `FORMAT.md`.
        detail: the key and what was expected; never a value of the line.
        payload: the line's bytes, or None where it was too large to hold.
        payload_sha256: SHA-256 of the whole line.
        user: outside name of the user the line is about, where that can be read.
    """

    number: int
    reason: str
    detail: str
    payload: bytes | None
    payload_sha256: bytes
    user: str | None


class Refused(ValueError):
    """A line cannot become a record."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def records(stream: IO[bytes], *, now: datetime, far_future: timedelta) -> Iterator[Good | Fault]:
    """Each non-blank line of a stream as a record or a fault, in order, holding one line at a time.

    Args:
        stream: binary, buffered.
        now: the clock that decides what lies in the future.
        far_future: how far ahead of `now` an event may be.
    """
    latest = now + far_future
    for number, raw, size, digest in _lines(stream):
        if raw is None:
            yield Fault(
                number, "too_large", f"line: expected at most {LINE_BYTES} bytes, got {size}", None, digest, None
            )
            continue
        line = raw.strip()
        if not line:
            continue
        try:
            yield Good(number, line, decode(line, latest=latest))
        except Refused as refusal:
            yield Fault(number, refusal.reason, refusal.detail, line, sha256(line).digest(), _named_user(line))


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None, int, bytes]]:
    """(number, line, size, SHA-256 where the line is None because it is longer than `LINE_BYTES`)."""
    number = 0
    while chunk := stream.readline(LINE_BYTES + 1):
        number += 1
        if number == 1:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        if len(chunk) <= LINE_BYTES or chunk.endswith(b"\n"):
            yield number, chunk, len(chunk), b""
            continue
        digest, size = sha256(), 0
        while chunk:
            digest.update(chunk)
            size += len(chunk)
            chunk = b"" if chunk.endswith(b"\n") else stream.readline(LINE_BYTES)
        yield number, None, size, digest.digest()


def decode(line: bytes, *, latest: datetime) -> Record:
    """One line as a record with clean text and possible times.

    Raises:
        Refused: with the reason code and the key it is about.
    """
    keys = _KEYS.findall(line)
    if len(set(keys)) != len(keys) or _ESCAPED_KEY.search(line) or line.count(b"{") + line.count(b"[") > DEPTH:
        _refuse_shape(line)
    try:
        record = _decode_repaired(line) if b"\\u0000" in line else _DECODER.decode(line)
    except UnicodeDecodeError as error:
        raise Refused("not_utf8", "line: expected UTF-8 text") from error
    except msgspec.ValidationError as error:
        raise _explain(str(error), line) from None
    except msgspec.DecodeError:
        record = _decode_repaired(line)
    _check_times(record, latest)
    if not line.isascii() or b"\\u" in line:
        _normalise(record)
    if not isinstance(record, Document) and not record.user_id.strip():
        raise Refused("bad_value", "$.user_id: expected a name, got blanks")
    content = getattr(record, "content", "x")
    if not content or content.isspace():
        raise Refused("empty", "$.content: expected text, got nothing but blanks")
    return record


def clean(value: Any) -> Any:
    """A decoded JSON value with `clean_text` applied to every string and key in it."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def _normalise(record: Record) -> None:
    for field in record.__struct_fields__:
        value = getattr(record, field)
        if isinstance(value, str | dict | list):
            cleaned = clean(value)
            if cleaned != value:
                setattr(record, field, cleaned)


def _decode_repaired(line: bytes) -> Record:
    """A line with NUL or a lone surrogate, which are taken out, or one that is no JSON, which is named."""
    value = _refuse_shape(line)
    try:
        record: Record = _DECODER.decode(json.dumps(clean(value), ensure_ascii=False, allow_nan=False).encode())
    except msgspec.ValidationError as error:
        raise _explain(str(error), line) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused("malformed_json", "line: expected one JSON object") from error
    return record


def _refuse_shape(line: bytes) -> Any:
    """Parse slowly, refusing what a fast parser lets through or cannot name: depth, duplicate keys, NaN."""
    if _depth(line) > DEPTH:
        raise Refused("too_deep", f"line: expected at most {DEPTH} levels of nesting")
    try:
        value = _loads(line)
    except UnicodeDecodeError as error:
        raise Refused("not_utf8", "line: expected UTF-8 text") from error
    except RecursionError as error:
        raise Refused("too_deep", f"line: expected at most {DEPTH} levels of nesting") from error
    except json.JSONDecodeError as error:
        raise Refused("malformed_json", f"line: expected one JSON object; broken at character {error.pos}") from None
    except ValueError as error:
        if isinstance(error, Refused):
            raise
        raise Refused("malformed_json", "line: a number is too long") from None
    if not isinstance(value, dict):
        raise Refused("malformed_json", f"line: expected a JSON object, got {type(value).__name__}")
    return value


def _loads(line: bytes) -> Any:
    return json.loads(
        line.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant, parse_float=_finite
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Refused("duplicate_keys", f"line: an object of {len(pairs)} keys names {len(result)} different ones")
    return result


def _refuse_constant(constant: str) -> float:
    raise Refused("nan", f"line: expected a finite number, got {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Refused("nan", "line: expected a finite number, got one out of range")
    return number


def _depth(line: bytes) -> int:
    """Deepest nesting, counted outside strings."""
    deepest = depth = 0
    inside = escaped = False
    for byte in line:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in {0x7B, 0x5B}:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in {0x7D, 0x5D}:
            depth -= 1
    return deepest


def _check_times(record: Record, latest: datetime) -> None:
    for key, read in _TIMES[type(record)]:
        moment = read(record)
        if moment is None:
            continue
        bound = LATEST if key in AHEAD else latest
        try:
            ahead, early = moment > bound, moment < EARLIEST
        except OverflowError:
            ahead = early = True
        if ahead or early:
            expected = (
                "not in the future" if ahead and key not in AHEAD else f"between {EARLIEST.year} and {LATEST.year}"
            )
            raise Refused("time_out_of_range", f"$.{key}: expected a time {expected}")


def _times() -> dict[type, tuple[tuple[str, Callable[[Any], datetime | None]], ...]]:
    from operator import attrgetter

    from assets.intake.records import KINDS

    return {
        kind: tuple((key, attrgetter(key)) for key in kind.__struct_fields__ if key in MOMENTS)
        for kind in KINDS.values()
    }


_TIMES = _times()


def _explain(message: str, line: bytes) -> Refused:
    """The reason code of a typed decoder's complaint; its text is used only where it cannot carry a value."""
    found = _PATH.search(message)
    path = found.group(1) if found else "$"
    if missing := _MISSING.match(message):
        return _explain_missing(path, missing.group(1))
    key = path.rpartition(".")[2]
    if key in MOMENTS:
        return _explain_time(path, key, line)
    rule = message.split(" - at ", 1)[0]
    if key == "kind":
        return Refused("unknown_kind", f"{path}: expected one of the kinds in FORMAT.md")
    if "unknown field" in rule:
        return Refused("unknown_field", f"{path}: has a key this kind does not know; extras belong under metadata")
    return _explain_value(path, rule)


def _explain_value(path: str, rule: str) -> Refused:
    if rule.startswith("Number out of range"):
        return Refused("nan", f"{path}: expected a finite number, got one out of range")
    if not rule.startswith("Expected"):
        return Refused("bad_value", f"{path}: expected one of the values in FORMAT.md")
    bounded = any(sign in rule for sign in (" of length", ">", "<", "matching"))
    return Refused("bad_value" if bounded else "wrong_type", f"{path}: {rule.replace('`', '')[:200]}")


def _explain_missing(path: str, key: str) -> Refused:
    where = f"{path}.{key}"
    if key in MOMENTS:
        return Refused("time_missing", f"{where}: expected an RFC 3339 time with a zone")
    return Refused("unknown_kind" if key == "kind" else "missing_field", f"{where}: this key must be there")


def _explain_time(path: str, key: str, line: bytes) -> Refused:
    """Which kind of bad time it is: none, a number since 1970, no zone, a year no calendar has, or no time at all."""
    value = _refuse_shape(line).get(key)
    expected = f"{path}: expected an RFC 3339 time with a zone, such as 2026-11-20T08:30:00Z"
    if value is None:
        return Refused("time_missing", expected)
    if isinstance(value, int | float):
        unit = "milliseconds" if abs(value) > 1e11 else "seconds"
        return Refused("time_epoch", f"{expected}; got a number, perhaps {unit} since 1970")
    if isinstance(value, str) and _NAIVE.fullmatch(value):
        return Refused("time_naive", f"{expected}; got one without a zone")
    if isinstance(value, str) and re.match(r"[+-]?\d{5,}-", value):
        return Refused("time_out_of_range", f"{expected}; got a year of more than four digits")
    return Refused("wrong_type", f"{expected}; got {type(value).__name__} of another form")


def _named_user(line: bytes) -> str | None:
    """The name of the user a refused line is about, so that erasing them finds the line's bytes; best effort."""
    found = re.search(rb'"user_id"\s*:\s*"([^"\\]{1,200})"', line)
    if not found:
        return None
    try:
        return str(clean_text(found.group(1).decode()))
    except UnicodeDecodeError:
        return None
