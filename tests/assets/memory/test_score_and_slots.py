"""The rule tables by example."""

import polars as pl
import pytest

from assets.memory.extract import candidates
from assets.memory.score import graded, score
from assets.memory.slots import slotted


def _graded(text: str, kind: str = "event", times: int = 1, declared: str | None = None) -> dict[str, object]:
    frame = pl.DataFrame(
        {"content": [text], "type": [kind], "significance_level": [declared], "times_said": [times]},
        schema_overrides={"significance_level": pl.String},
    )
    return graded(score(frame).lazy()).collect().row(0, named=True)


@pytest.mark.parametrize(
    ("text", "kind", "level"),
    [
        ("hello", "event", "low"),
        ("it rained a bit", "event", "low"),
        ("Maybe we could meet?", "event", "low"),
        ("We talked about the garden", "event", "low"),
        ("I was diagnosed with asthma and I need my inhaler", "personal_fact", "high"),
        ("I want to kill myself", "emotional_state", "critical"),
        ("I live in Berlin with my dog", "personal_fact", "high"),
        ("I love hiking in the mountains", "preference", "high"),
    ],
)
def test_levels_of_examples(text: str, kind: str, level: str) -> None:
    assert _graded(text, kind)["significance_level"] == level


def test_a_declared_level_is_a_floor_and_repetition_raises() -> None:
    assert _graded("hello", declared="high")["significance_level"] == "high"
    assert _graded("I live in Berlin", declared="low")["significance_level"] != "low"
    once, often = (_graded("We talked about the garden", times=times) for times in (1, 8))
    assert float(str(often["composite_score"])) > float(str(once["composite_score"]))
    assert all(0 <= float(str(often[f"{axis}_score"])) <= 1 for axis in ("relevance", "stability", "explicitness"))


@pytest.mark.parametrize(
    ("text", "slot", "value"),
    [
        ("I live in Berlin with my dog", "home_city", "berlin"),
        ("I've moved to New York City.", "home_city", "new york city"),
        ("I now work for Siemens as an engineer", "employer", "siemens"),
        ("I work as a night nurse", "occupation", "night nurse"),
        ("My wife's name is Ana", "partner", "ana"),
        ("I got divorced", "relationship_status", "divorced"),
        ("I take 50 mg of sertraline", "medication_dose:sertraline", "50mg"),
        ("My sertraline went up to 100 mg", "medication_dose:sertraline", "100mg"),
        ("I am 34 years old", "age", "34"),
        ("My favorite colour is blue", "favourite:colour", "blue"),
        ("I can't stand coffee", "attitude:coffee", "-"),
        ("I don\u2019t like coffee anymore", "attitude:coffee", "-"),
        ("my dog is called Rex", "kin_name:dog", "rex"),
        ("I used to live in Rome", None, None),
        ("Do I live in Rome?", None, None),
        ("I wish I lived in Rome", None, None),
        ("If I live in Rome one day", None, None),
        ("By the way, we've moved to Oslo", "home_city", "oslo"),
        ("I live in constant fear", None, None),
        ("I moved to the sofa because of the noise", None, None),
        ("I'm employed by Acme now", "employer", "acme"),
        ("My doctor has me on 20 mg of sertraline", "medication_dose:sertraline", "20mg"),
        ("Dr. Miller is my new therapist", "therapist", "dr miller"),
        ("I go to Oslo for therapy", None, None),
        ("Well, I don't like cilantro", "attitude:cilantro", "-"),
        ("I do not enjoy cilantro", "attitude:cilantro", "-"),
    ],
)
def test_slots_of_examples(text: str, slot: str | None, value: str | None) -> None:
    row = slotted(pl.DataFrame({"content": [text]})).row(0, named=True)

    assert (row["slot"], row["slot_value"]) == (slot, value)


@pytest.mark.parametrize(
    ("turn", "sentence", "kind"),
    [
        ("Hi! It rained. I work as a nurse in Bergen. And you?", "I work as a nurse in Bergen.", "personal_fact"),
        ("Music helps me when it is bad.", "Music helps me when it is bad.", "coping"),
        ("I want to learn the cello!", "I want to learn the cello!", "goal"),
        ("My sister called yesterday.", "My sister called yesterday.", "relationship"),
        ("I feel so lonely these days", "I feel so lonely these days", "emotional_state"),
        ("Do you think I like tea?", None, None),
        ("> I live in Berlin", None, None),
        ("You said I live in Berlin", None, None),
        ("The weather is nice today.", None, None),
        ("", None, None),
    ],
)
def test_extraction_takes_the_one_sentence_that_lasts(turn: str, sentence: str | None, kind: str | None) -> None:
    found = candidates(pl.DataFrame({"user_id": ["u"], "content": [turn]}))

    assert found.select("content", "type").rows() == ([(sentence, kind)] if sentence else [])
