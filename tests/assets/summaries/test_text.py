"""Summaries of turns, without a store: what is chosen, found and counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.summaries import Turn, summarise, summarise_text
from assets.summaries.emotions import SENTIMENTS, crisis, overall
from assets.summaries.lexicon import KINDS, matcher
from assets.summaries.sentences import units

TALK = [
    Turn("User", "Hi, I'm so stressed about work. My boss gave me another deadline and I can't sleep."),
    Turn("Assistant", "That sounds really hard. What would help you tonight?"),
    Turn("User", "I don't know. I will call my sister tomorrow evening. Remind me to take my pills at 9 pm."),
    Turn("Assistant", "Try writing down three things before bed."),
    Turn("User", "ok thanks, I feel calmer now \U0001f642"),
]

words = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "Z", "S")) | st.sampled_from(" .!?\n\u3002"), max_size=200
)
talks = st.lists(st.builds(Turn, st.sampled_from(["User", "Assistant"]), words), max_size=8)


def test_the_same_turns_make_the_same_summary() -> None:
    assert summarise_text(TALK) == summarise_text(list(TALK))


@settings(max_examples=60, deadline=None)
@given(talks)
def test_a_summary_is_verbatim_in_order_and_no_longer_than_its_source(turns: list[Turn]) -> None:
    summary = summarise_text(turns)
    assert len(summary.text) <= summary.source_chars
    assert summary.sentiment in SENTIMENTS
    place = 0
    source = "\x00".join(turn.text for turn in turns)
    for unit in units(turns):
        at = source.find(unit.text, place)
        assert at >= place
        place = at + len(unit.text)
    for speaker in ("User: ", "Assistant: "):
        assert summary.text.count(speaker) <= "".join(f"{t.speaker}: {t.text}" for t in turns).count(speaker)


@settings(max_examples=25, deadline=None)
@given(st.lists(talks, max_size=5))
def test_a_summary_does_not_depend_on_the_others_of_its_batch(batch: list[list[Turn]]) -> None:
    assert summarise(batch) == [summarise_text(turns) for turns in batch]


def test_every_sentence_of_a_summary_was_said() -> None:
    summary = summarise_text(TALK)
    assert summary.text
    said = {unit.text for unit in units(TALK)}
    left = summary.text
    for sentence in sorted(said, key=len, reverse=True):
        left = left.replace(sentence, "")
    assert left.replace("User:", "").replace("Assistant:", "").strip() == ""


def test_a_conversation_of_nothing_has_an_empty_summary() -> None:
    summary = summarise_text([])
    assert (summary.text, summary.sentiment, summary.units) == ("", "neutral", 0)


def test_one_word_is_its_own_summary() -> None:
    assert summarise_text([Turn("User", "ok")]).text == "User: ok"


def test_emoji_alone_are_felt_but_not_quoted() -> None:
    summary = summarise_text([Turn("User", "\U0001f62d\U0001f62d")])
    assert (summary.text, summary.sentiment) == ("", "negative")


def test_text_without_spaces_is_split_at_its_own_full_stops() -> None:
    said = "\u6211\u4eca\u5929\u5f88\u96be\u8fc7\u3002\u660e\u5929\u518d\u8bf4\u5427\uff01"
    assert [unit.text for unit in units([Turn("User", said)])] == [said[:7], said[7:]]
    assert summarise_text([Turn("User", said)]).text == f"User: {said}"


def test_f13_a_page_without_a_full_stop_is_cut_at_a_space() -> None:
    (unit,) = units([Turn("User", "word " * 100_000)])
    assert len(unit.text) <= 300
    assert unit.text.endswith("word")


def test_f13_many_thousand_turns_make_a_summary_of_bounded_length() -> None:
    summary = summarise_text(
        [Turn("User", f"I walked {number} steps along the river today.") for number in range(3_000)]
    )
    assert len(summary.text.split()) < 150


def test_a_greeting_is_not_the_summary() -> None:
    turns = [Turn("User", "Hello!"), Turn("Assistant", "Hi."), Turn("User", "My mother died last week.")]
    assert "My mother died last week." in summarise_text(turns).text


def test_a_repetition_is_said_once() -> None:
    turns = [
        Turn("User", "I am afraid of the exam on Friday."),
        Turn("User", "I am afraid of the exam on Friday."),
        Turn("User", "My brother moved to Oslo and I miss him."),
        *[Turn("Assistant", "I hear you.") for _ in range(6)],
    ]
    text = summarise_text(turns).text
    assert text.count("exam") == 1
    assert "Oslo" in text


@pytest.mark.parametrize(
    ("speaker", "text", "kind", "due"),
    [
        ("User", "I will call my sister tomorrow evening.", "commitment", "tomorrow evening"),
        ("User", "I\u2019m going to see the doctor on Monday.", "commitment", "on monday"),
        ("User", "Remind me to take my pills at 9 pm.", "request", "at 9 pm"),
        ("Assistant", "Let's plan a walk for next week.", "agreement", "next week"),
        ("Assistant", "Try writing down three things before bed.", "suggestion", None),
        ("User", "Try as I might, nothing works.", None, None),
        ("User", "I went to the gym yesterday.", None, None),
        ("User", "I will miss her.", None, None),
    ],
)
def test_action_items_are_found_with_their_time(speaker: str, text: str, kind: str | None, due: str | None) -> None:
    found = summarise_text([Turn(speaker, text)]).actions
    assert [(item.kind, item.due, item.text) for item in found] == ([(kind, due, text)] if kind else [])


def test_of_many_action_items_the_dated_ones_are_kept() -> None:
    turns = [Turn("User", f"I will paint wall number {number}.") for number in range(10)]
    found = summarise_text([*turns, Turn("User", "I will call the bank tomorrow.")]).actions
    assert len(found) == 8
    assert found[-1].due == "tomorrow"


@pytest.mark.parametrize(
    ("text", "theme"),
    [
        ("I was so happy and laughed all day.", "joy"),
        ("I feel lonely since she left.", "loneliness"),
        ("I am not happy, I am furious.", "anger"),
        ("It was never my fault, I am just anxious.", "anxiety"),
    ],
)
def test_the_leading_theme_is_what_the_person_felt(text: str, theme: str) -> None:
    assert summarise_text([Turn("User", text)]).themes[0]["theme"] == theme


def test_a_feeling_no_word_names_is_taken_from_the_meaning() -> None:
    turn = Turn("User", "This cake is the best thing ever, thank you so much!!")
    assert not matcher("emotions").count(turn.text)
    assert [row["theme"] for row in summarise_text([turn]).themes] == ["joy"]


def test_a_turn_that_shows_nothing_has_no_theme() -> None:
    assert summarise_text([Turn("User", "The bus leaves at nine."), Turn("User", "...")]).themes == []


def test_a_neutral_label_of_the_live_service_is_no_theme() -> None:
    assert summarise_text([Turn("User", "Fine.", emotion="neutral")]).themes == []


def test_what_the_assistant_says_is_not_felt_by_the_person() -> None:
    turns = [Turn("User", "It rained."), Turn("Assistant", "I am so happy and excited, what a wonderful day!")]
    summary = summarise_text(turns)
    assert (summary.themes, summary.sentiment) == ([], "neutral")


def test_a_live_services_score_goes_before_the_words() -> None:
    assert summarise_text([Turn("User", "What a wonderful day!", sentiment=-0.9)]).sentiment == "negative"


@pytest.mark.parametrize(
    ("values", "sentiment"),
    [([], "neutral"), ([0.8, 0.6], "positive"), ([-0.8, 0.0], "negative"), ([0.8, -0.8], "mixed"), ([0.1], "neutral")],
)
def test_overall_sentiment_follows_the_persons_turns(values: list[float], sentiment: str) -> None:
    assert overall(values) == sentiment


def test_a_mood_that_lifts_is_progress() -> None:
    turns = [Turn("User", "x", sentiment=value) for value in (-0.8, -0.6, 0.0, 0.1, 0.5, 0.7)]
    progress = summarise_text(turns).progress
    assert (progress["direction"], progress["change"]) == ("better", 1.3)


def test_a_crisis_is_seen_even_when_denied() -> None:
    assert crisis([Turn("User", "I don't want to kill myself, but I cut myself.")]) == {"self_harm": 1, "suicide": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_of_the_lexicon_finds_its_own_label(kind: str) -> None:
    lookup = matcher(kind)
    for label in lookup.labels:
        assert lookup.count(label.replace("_", " "), negated=True) is not None
    for word, label in lookup._exact.items():
        assert lookup.count(word, negated=True)[label] >= 1, (word, label)
