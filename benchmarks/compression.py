"""What consolidation saves and what it costs: a stream with repeats, paraphrases and changes of fact.

    python -m benchmarks.compression [--users 40] [--items 100] [--seed 5] [--topics FILE] [--json]

Of each person's items 65 % say something new, 30 % say again what was said before (a third word for word, a third with
other punctuation, contractions and fillers, a third in other words) and 5 % change a fact. All of them are pushed to
Redis and consolidated in a fresh home. Beside it, over the same items and through the same `recall()`, is a store that
keeps everything, each item as its own memory.

Reported: rows and bytes against the store that keeps everything; which kinds of repeats became one memory; how many
facts a question still finds among the first ten, against what it finds in the other store. A fact that changed was
superseded by a rule (nothing that says an old value is active), or is flagged (an old value is shown with `newer`,
below what holds now), or stale: an old value is shown as current, or above what holds now. `doubted_wrongly` is the
share of flags among the hits that say what holds now.

What people say comes from a table of topics. The rules, the matters and the ways of saying the same were written in
sight of `compression_topics.yaml` and of the first two tables named `heldout`, which were so once; the weights of
`assets/memory/anew.tsv` are fitted on these three and on the other tables named `heldout`. Those named `unseen` are
by others who had seen nothing of it, and nothing was written in sight of them: they say what to expect of words nobody
thought of.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict

from assets.memory.choice import Hit
from assets.memory.consolidation import consolidate
from assets.memory.embed import embedder
from assets.memory.retrieval import recall
from warehouse.embedded import start, stop
from warehouse.live import copy_frame, migrate, upsert_frame
from warehouse.settings import Settings
from warehouse.stores import Stores

TOPICS = Path(__file__).with_name("compression_topics.yaml")
BEGIN, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
REPEATED, CHANGED = 0.30, 0.05
DEPTH = 10
Kind = Literal["new", "verbatim", "surface", "reworded", "change"]


class Topic(BaseModel):
    """One thing people tell, its wordings, and what fills them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: str
    wordings: list[str]
    value: list[str]
    key: list[str] = [""]
    single: bool = False


class Table(BaseModel):
    """`compression_topics.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    topics: list[Topic]
    fillers: dict[Literal["before", "after"], list[str]]
    contractions: list[tuple[str, str]]


def read_table(path: Path = TOPICS) -> Table:
    """A table of topics, validated."""
    return Table.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Fact:
    """What a statement is about: a topic, its key, and the question to which it is the answer."""

    topic: int
    key: str
    question: str


@dataclass(frozen=True)
class Item:
    """One statement of the stream."""

    user: str
    text: str
    at: datetime
    fact: Fact
    value: str
    kind: Kind


def stream(users: int, items: int, seed: int, table: Table) -> list[Item]:
    """Every person's items in the order of their times."""
    draw = random.Random(seed)
    made: list[Item] = []
    for _ in range(users):
        made += _of_one(draw, str(UUID(int=draw.getrandbits(128), version=4)), items, table)
    return made


def _of_one(draw: random.Random, user: str, items: int, table: Table) -> list[Item]:
    changes, repeats = round(items * CHANGED), round(items * REPEATED)
    kinds: list[Kind] = ["change"] * changes
    kinds += [("verbatim", "surface", "reworded")[number % 3] for number in range(repeats)]  # type: ignore[misc]
    kinds += ["new"] * (items - len(kinds))
    facts = [
        Fact(place, key, topic.question.format(key=key))
        for place, topic in enumerate(table.topics)
        for key in ([""] if topic.single else topic.key)
    ]
    single = [fact for fact in facts if table.topics[fact.topic].single]
    keyed = [fact for fact in facts if not table.topics[fact.topic].single]
    fresh = [*single, *draw.sample(keyed, items - changes - repeats - len(single))]
    draw.shuffle(fresh)
    draw.shuffle(kinds)
    kinds.sort(key=lambda kind: kind != "new" and draw.random() < 0.5)  # some of the repeats and changes come late
    said: dict[Fact, tuple[str, list[str]]] = {}
    old: dict[Fact, set[str]] = {}
    made: list[Item] = []
    step = (NOW - BEGIN - timedelta(days=10)) / items
    while kinds:
        place = next((n for n, kind in enumerate(kinds) if kind == "new" or _possible(kind, said, table)), 0)
        kind = kinds.pop(place)
        if kind == "new":
            fact = fresh.pop()
            value = draw.choice(table.topics[fact.topic].value)
            text = _worded(draw, table, fact, value)
        elif kind == "change":
            fact = draw.choice([fact for fact in said if table.topics[fact.topic].single])
            old.setdefault(fact, set()).add(said[fact][0])
            value = draw.choice([value for value in table.topics[fact.topic].value if value not in old[fact]])
            text = _worded(draw, table, fact, value)
        else:
            fact = draw.choice(list(said))
            value, texts = said[fact]
            text = _again(draw, table, kind, fact, value, texts)
        said[fact] = (value, [*(said[fact][1] if kind not in ("new", "change") else []), text])
        made.append(Item(user, text, BEGIN + step * len(made), fact, value, kind))
    return made


def _possible(kind: Kind, said: dict[Fact, tuple[str, list[str]]], table: Table) -> bool:
    return any(table.topics[fact.topic].single for fact in said) if kind == "change" else bool(said)


def _worded(draw: random.Random, table: Table, fact: Fact, value: str, *, but: Sequence[str] = ()) -> str:
    wordings = table.topics[fact.topic].wordings
    texts = [wording.format(key=fact.key, value=value) for wording in wordings]
    text = draw.choice([text for text in texts if text not in but] or texts)
    return text[0].upper() + text[1:]


def _again(draw: random.Random, table: Table, kind: Kind, fact: Fact, value: str, texts: list[str]) -> str:
    text = draw.choice(texts)
    if kind == "verbatim":
        return text
    if kind == "reworded":
        return _worded(draw, table, fact, value, but=texts)
    for long, short in draw.sample(table.contractions, len(table.contractions)):
        if long in text and draw.random() < 0.5:
            text = text.replace(long, short, 1)
            break
    before, after = draw.choice(table.fillers["before"]), draw.choice(table.fillers["after"])
    form = draw.choice(["before", "after", "lower", "both"])
    if form == "lower":
        return text.lower().rstrip(".")
    if form in ("before", "both"):
        text = before + (text if text.startswith("I") else text[0].lower() + text[1:])
    return text.rstrip(".") + after if form in ("after", "both") else text


# -- the two stores --------------------------------------------------------------------------------------------------


def people(stores: Stores, made: Sequence[Item]) -> None:
    """The users of a stream, with consent."""
    users = sorted({item.user for item in made})
    with stores.live.connect() as conn:
        upsert_frame(conn, "auth.users", pl.DataFrame({"id": users}), key=("id",))
        conn.execute(
            "INSERT INTO compliance.consents (user_id, consent_type, granted, scope, recorded_at)"
            " SELECT id, 'memory', true, '{}', '2020-01-01+00' FROM auth.users"
        )


def consolidated(stores: Stores, made: Sequence[Item]) -> None:
    """Push to Redis, consolidate."""
    people(stores, made)
    stores.shortterm.push(
        (item.user, json.dumps({"content": item.text, "type": "event", "timestamp": item.at.isoformat()}).encode())
        for item in made
    )
    consolidate(stores, now=NOW, retire_share=1.0)


def everything(stores: Stores, made: Sequence[Item]) -> None:
    """Each item as a memory of its own, in both stores."""
    people(stores, made)
    model = embedder(stores.settings)
    keys = [f"{number}:{item.user}" for number, item in enumerate(made)]
    digests = [sha256(key.encode()).hexdigest() for key in keys]
    shared = pl.DataFrame(
        {
            "id": [str(UUID(digest[:32], version=4)) for digest in digests],
            "user_id": [item.user for item in made],
            "created_at": [item.at for item in made],
        }
    ).with_columns(significance_level=pl.lit("moderate"), status=pl.lit("active"), valid_from=pl.col("created_at"))
    items = shared.with_columns(
        content=pl.lit("v1.0.benchmark"),
        memory_type=pl.lit("event"),
        source=pl.lit("import"),
        content_sha256=pl.Series(["\\x" + digest for digest in digests]),
        updated_at=pl.col("created_at"),
    )
    with stores.live.connect(owner=True) as conn:  # COPY does not pass row-level security
        copy_frame(conn, "memory.items", items)
    rows = shared.with_columns(
        content=pl.Series([item.text for item in made]),
        type=pl.lit("event"),
        known_at=pl.col("created_at"),
        composite_score=pl.lit(0.5, pl.Float32),
        content_sha256=pl.Series(digests),
        vector=pl.Series(model.embed([item.text for item in made])),
    )
    stores.longterm.upsert("memories", rows, model=model.name)


# -- what is measured ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What a stream says, for judging answers: the meaning of each text, and each fact's values in order."""

    meaning: dict[tuple[str, str], tuple[Fact, str]]
    values: dict[tuple[str, Fact], list[str]]


def told(made: Sequence[Item]) -> Told:
    """`Told` of a stream."""
    values: dict[tuple[str, Fact], list[str]] = {}
    for item in made:
        known = values.setdefault((item.user, item.fact), [])
        if item.value not in known:
            known.append(item.value)
    return Told({(item.user, item.text): (item.fact, item.value) for item in made}, values)


def sizes(stores: Stores) -> dict[str, int]:
    """What recall searches, and what Postgres keeps."""
    stored = pl.concat(stores.longterm.scan("memories", ["content", "status"]))
    with stores.live.connect() as conn:
        (rows,) = conn.execute("SELECT count(*) FROM memory.items").fetchone() or (0,)
    return {
        "rows": len(stored),
        "text_bytes": int(stored["content"].str.len_bytes().sum()),
        "current_rows": int((stored["status"] == "active").sum()),
        "postgres_rows": rows,
    }


def answers(stores: Stores, made: Told) -> dict[tuple[str, Fact], list[Hit]]:
    """The first hits on the question of every fact."""
    return {
        (user, fact): recall(stores, user, fact.question, DEPTH, now=NOW, record=False) for user, fact in made.values
    }


def holding(stores: Stores) -> set[tuple[str, str]]:
    """User and text of what is stored as active."""
    stored = pl.concat(stores.longterm.scan("memories", ["user_id", "content", "status"]))
    return set(stored.filter(pl.col("status") == "active").select("user_id", "content").iter_rows())


def judged(
    found: dict[tuple[str, Fact], list[Hit]], made: Told, active: AbstractSet[tuple[str, str]] = frozenset()
) -> dict[str, Any]:
    """How many facts are found as they are now, and what questions on changed facts bring.

    Args:
        found: the hits on each question.
        made: what was said.
        active: user and text of what is stored as active.

    Raises:
        LookupError: a hit says what nobody said.
    """
    kept, changed, stale, before, missing, flagged, superseded, right, doubted = 0, 0, 0, 0, 0, 0, 0, 0, 0
    old_held = {
        (user, made.meaning[user, text][0])
        for user, text in active
        if made.meaning[user, text][1] != made.values[user, made.meaning[user, text][0]][-1]
    }
    by_question: dict[str, list[int]] = {}
    for (user, fact), hits in found.items():
        values = made.values[user, fact]
        shown = []
        for hit in hits:
            meaning = made.meaning.get((user, hit.text))
            missing += meaning is None
            if meaning is not None and meaning[0] == fact:
                shown.append((meaning[1], hit.current, hit.newer))
            if meaning is not None and meaning[1] == made.values[user, meaning[0]][-1]:
                right += 1
                doubted += hit.newer is not None
        now = [place for place, (value, _, _) in enumerate(shown) if value == values[-1]]
        old = [(place, current, newer) for place, (value, current, newer) in enumerate(shown) if value != values[-1]]
        past = [place for place, current, newer in old if current or newer is not None]
        kept += bool(now)
        if len(values) > 1:
            changed += 1
            first = bool(past) and (not now or past[0] < now[0])
            wrong = first or any(current for _, current, _ in old)
            stale += wrong
            flagged += bool(past) and not wrong
            superseded += (user, fact) not in old_held
            by_question.setdefault(fact.question, []).append(wrong)
            before += first
    if missing:
        raise LookupError(f"recall: expected texts of the stream, got {missing} others")
    return {
        "facts": len(found),
        "found": round(kept / len(found), 4),
        "changed": changed,
        "stale_shown_as_current": round(stale / max(changed, 1), 4),
        "stale_before_current": round(before / max(changed, 1), 4),
        "flagged": round(flagged / max(changed, 1), 4),
        "superseded_by_rule": round(superseded / max(changed, 1), 4),
        "doubted_wrongly": round(doubted / max(right, 1), 4),
        "stale_by_question": {name: f"{sum(ones)} of {len(ones)}" for name, ones in sorted(by_question.items())},
    }


def merged(stores: Stores, made: Sequence[Item]) -> dict[str, float]:
    """Per kind of item, the share that added no row to what recall searches."""
    stored = pl.concat(stores.longterm.scan("memories", ["user_id", "content"]))
    there = set(stored.iter_rows())
    seen: set[tuple[str, str]] = set()
    total, gone = Counter[str](), Counter[str]()
    for item in made:
        own = (item.user, item.text)
        total[item.kind] += 1
        gone[item.kind] += own in seen or own not in there
        seen.add(own)
    return {kind: round(gone[kind] / total[kind], 4) for kind in sorted(total)}


def run(users: int, items: int, seed: int, topics: Path = TOPICS) -> dict[str, Any]:
    """Both stores, each in a home of its own."""
    made = stream(users, items, seed, read_table(topics))
    known = told(made)
    report: dict[str, Any] = {"topics": topics.stem, "users": users, "items": len(made), "seed": seed}
    for name, fill in (("consolidated", consolidated), ("everything", everything)):
        home = Path(tempfile.mkdtemp(prefix="ec"))
        settings = Settings(home=home)
        start(settings)
        try:
            stores = Stores(settings)
            migrate(stores.live)
            fill(stores, made)
            report[name] = sizes(stores) | judged(answers(stores, known), known, holding(stores))
            if name == "consolidated":
                report["merged"] = merged(stores, made)
        finally:
            stop(settings)
            shutil.rmtree(home, ignore_errors=True)
    ours, all_of_it = report["consolidated"], report["everything"]
    return report | {
        "size": round(ours["rows"] / all_of_it["rows"], 4),
        "text_size": round(ours["text_bytes"] / all_of_it["text_bytes"], 4),
        "recall_kept": round(ours["found"] / all_of_it["found"], 4),
        **{name: ours[name] for name in ("stale_shown_as_current", "flagged", "superseded_by_rule", "doubted_wrongly")},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compression", description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--items", type=int, default=100, help="items of each person, 20 to 120")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--topics", type=Path, default=TOPICS, help="another table of what people say")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    report = run(options.users, options.items, options.seed, options.topics)
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    for name, value in report.items():
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
