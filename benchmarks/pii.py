"""Precision and recall of structured redaction by type (presidio-research's format), and the own-identity scrub.

    python -m benchmarks.pii --presidio FILE [--json]

A span counts as found when one of its kind covers it; a found one that meets no span of its kind is false. The scrub
plants generated names, addresses and numbers, written in many ways, into sentences and counts what is left of them.
"""

import argparse
import json
import random
import unicodedata
from collections import Counter
from pathlib import Path

import polars as pl

from assets.memory.accounts import ACCOUNTS
from assets.memory.patterns import structured
from assets.memory.redaction import fold, redact

KINDS = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS")


def detection(file: Path) -> dict[str, dict[str, float]]:
    """Per kind: precision, recall, and the counts behind them."""
    found, missed, false = Counter[str](), Counter[str](), Counter[str]()
    for record in json.loads(file.read_text(encoding="utf-8")):
        spans = [(span["start_position"], span["end_position"], span["entity_type"]) for span in record["spans"]]
        got = structured(record["full_text"])
        for start, end, kind in spans:
            if kind in KINDS:
                hit = any(one.kind == kind and one.start <= start and one.end >= end for one in got)
                (found if hit else missed)[kind] += 1
        for one in got:
            if not any(kind == one.kind and start < one.end and end > one.start for start, end, kind in spans):
                false[one.kind] += 1
    rows = {kind: _rates(found[kind], missed[kind], false[kind]) for kind in KINDS}
    rows["all"] = _rates(found.total(), missed.total(), sum(false[kind] for kind in KINDS))
    return rows


def _rates(found: int, missed: int, false: int) -> dict[str, float]:
    return {
        "precision": round(found / (found + false), 4) if found + false else 1.0,
        "recall": round(found / (found + missed), 4) if found + missed else 1.0,
        "found": found,
        "missed": missed,
        "false": false,
    }


def scrub(people: int = 500, seed: int = 7) -> dict[str, float]:
    """Share of planted own names, e-mail addresses and phone numbers of which nothing is left."""
    draw = random.Random(seed)
    first = ["José", "Zoë", "Anna", "Bjørn", "Łukasz", "Müge", "Siân", "Noor", "Femke", "Øyvind"]
    last = ["Müller", "García", "O'Neill", "Smith-Jones", "Çelik", "Nowak", "Åberg", "Haddad", "de Boer", "Straße"]
    accounts, rows, planted = [], [], []
    for number in range(people):
        given, family = draw.choice(first), draw.choice(last)
        mail, phone = f"{fold(given)}.{number}@mail.example.org", f"+49 151 {draw.randint(10**7, 10**8 - 1)}"
        user = str(number)
        accounts += [(user, "name", f"{given} {family}"), (user, "email", mail), (user, "phone", phone)]
        for word, kept in ((given, given), (f"{given} {family}", family), (mail, mail), (phone, phone[-8:])):
            written = draw.choice([word, word.upper(), word.lower(), unicodedata.normalize("NFD", word), fold(word)])
            rows.append((user, f"Yesterday {written}, as they say, was here."))
            planted.append(kept)
    frame = redact(
        pl.DataFrame(rows, schema=["user_id", "content"], orient="row"),
        pl.DataFrame(accounts, schema=ACCOUNTS, orient="row"),
    )
    left = sum(
        fold(word) in fold(text) for word, text in zip(planted, frame["processed_content"].to_list(), strict=True)
    )
    return {"planted": len(planted), "left": left, "scrubbed": round(1 - left / len(planted), 4)}


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presidio", type=Path, required=True, help="JSON file with full_text and spans")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = {"structured": detection(arguments.presidio), "own_identity": scrub()}
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    for kind, row in result["structured"].items():
        print(
            f"{kind:15} precision {row['precision']:.3f}  recall {row['recall']:.3f}  n {row['found'] + row['missed']}"
        )
    own = result["own_identity"]
    print(f"own identity    {own['scrubbed']:.4f} of {own['planted']} planted")


if __name__ == "__main__":
    main()
