"""The ranking of one user's rows: each score does what its line in the table of weights says."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assets.memory.ranking import Asked, Corpus, Weights, min_max, subject_of
from assets.memory.when import spans
from assets.memory.word_llama import WordLlamaEmbedder
from assets.memory.words import WordVectors, words

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
MODEL = WordLlamaEmbedder()
Row = tuple[str, str, str]


def corpus(rows: list[Row], *, speakers: dict[str, str] | None = None, worth: list[float] | None = None) -> Corpus:
    """Rows of (conversation, role, text), a minute apart, a day between conversations."""
    days = {name: number for number, name in enumerate(sorted({row[0] for row in rows}))}
    said = [START + timedelta(days=days[group], minutes=n) for n, (group, _, _) in enumerate(rows)]
    columns = {
        "content": [text for _, _, text in rows],
        "group": [group for group, _, _ in rows],
        "role": [role for _, role, _ in rows],
        "speaker": [(speakers or {}).get(role) for _, role, _ in rows],
        "at": [int(at.timestamp()) * 1_000_000 for at in said],
        "worth": worth or [0.0] * len(rows),
    }
    return Corpus(columns, MODEL.embed([text for _, _, text in rows]))


def asked(text: str, *, names: frozenset[str] = frozenset()) -> Asked:
    now = START + timedelta(days=30)
    return Asked(text, MODEL.embed([text])[0], tuple(spans(text, now)), names, now.timestamp())


CHAT: list[Row] = [
    ("a", "user", "Good morning!"),
    ("a", "assistant", "Hello! What did you do with the old piano?"),
    ("a", "user", "I gave it to my niece, she starts lessons in the autumn."),
    ("a", "assistant", "How lovely."),
    ("b", "user", "I was at the dentist yesterday, two fillings."),
    ("b", "assistant", "Ouch! Are you in pain?"),
    ("b", "user", "A bit. Paracetamol helps."),
    ("c", "user", "We are going hiking in the Tatra mountains with Zoe."),
    ("c", "assistant", "Take warm socks."),
]


def best(found: Corpus, question: Asked) -> int:
    return int(np.argmax(found.score(question)[0]))


def test_an_answer_that_shares_no_word_with_the_question_is_found_by_the_turn_before_it() -> None:
    scores = corpus(CHAT).score(asked("What happened to the piano?"))[0]
    assert set(np.argsort(-scores)[:2]) == {1, 2}


def test_a_paraphrase_is_found_by_words_alike() -> None:
    assert best(corpus(CHAT), asked("Which remedy for toothache?")) in {4, 5, 6}
    assert best(corpus(CHAT), asked("Which peaks were they going to climb?")) == 7


def test_every_score_lies_between_zero_and_one_and_has_a_weight() -> None:
    parts = corpus(CHAT).parts(asked("When was I at the dentist last month, and how many fillings?"))
    assert set(parts) <= set(Weights.__dataclass_fields__)
    for name, part in parts.items():
        assert part.shape == (len(CHAT),), name
        assert 0 <= part.min() <= part.max() <= 1 + 1e-6, name
    assert parts["tells_when"][4] == 1
    assert parts["tells_count"][4] == 1
    assert parts["asks"].tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 0]
    assert parts["answer"].nonzero()[0].tolist() == []


def test_an_answer_counts_only_after_a_question_of_the_other_one_in_the_same_conversation() -> None:
    parts = corpus(CHAT).parts(asked("old piano"))
    assert parts["answer"].nonzero()[0].tolist() == [2]


def test_the_one_who_is_named_is_preferred_and_the_name_is_no_search_word() -> None:
    found = corpus(CHAT, speakers={"assistant": "Nura Light"})
    parts = found.parts(asked("What did Nura say about socks?"))
    assert parts["speaker"].tolist() == [float(role == "assistant") for _, role, _ in CHAT]
    own = found.parts(asked("What did Maria say about socks?", names=frozenset({"maria"})))
    assert own["speaker"].tolist() == [float(role == "user") for _, role, _ in CHAT]
    assert found.parts(asked("What about Zoe and Maria?"))["speaker"].any() == np.False_


@pytest.mark.parametrize(
    ("question", "who"),
    [
        ("What did I say about Rome?", "user"),
        ("What did you recommend to me?", "assistant"),
        ("my sister's name", "user"),
        ("Who is Zoe?", None),
        ("What's the name of my dog?", "user"),
        ("Have I told you about Rome?", "user"),
    ],
)
def test_a_question_is_about_the_words_of_its_first_pronoun(question: str, who: str | None) -> None:
    assert subject_of(question) == who


def test_the_time_a_question_names_pulls_towards_it() -> None:
    rows: list[Row] = [(name, "user", "I went for a long run in the park.") for name in ("a", "b", "c")]
    found = corpus(rows)
    day = (START + timedelta(days=1)).strftime("%d %B %Y")
    assert best(found, asked(f"Where did I run on {day}?")) == 1


def test_windows_do_not_reach_into_another_conversation() -> None:
    rows: list[Row] = [
        ("a", "user", "The violin is in the attic."),
        ("b", "user", "Fine."),
        ("b", "assistant", "Good."),
    ]
    parts = corpus(rows).parts(asked("Where is the violin?"))
    assert parts["wide"].tolist() == [1, 0, 0]
    assert parts["pair"].tolist() == [1, 0, 0]


def test_a_memory_worth_more_comes_first_among_equals() -> None:
    rows: list[Row] = [("a", "user", "I am allergic to nuts."), ("b", "user", "I am allergic to nuts.")]
    assert best(corpus(rows, worth=[0.1, 0.9]), asked("nuts")) == 1


def test_no_rows_empty_texts_and_questions_without_words_do_not_break_the_scores() -> None:
    assert corpus([]).score(asked("tea"))[0].shape == (0,)
    odd = corpus([("a", "user", "..."), ("a", "assistant", "the of and"), ("b", "user", "🎉🎉")])
    for question in ("tea", "the", "?", "🎉"):
        assert np.isfinite(odd.score(asked(question))[0]).all()


def test_scores_do_not_depend_on_who_else_was_asked_before() -> None:
    found = corpus(CHAT)
    first = found.score(asked("old piano"))[0]
    corpus([("z", "user", "completely other words about ships")]).score(asked("ships"))
    assert np.array_equal(first, found.score(asked("old piano"))[0])
    assert np.array_equal(first, corpus(CHAT).score(asked("old piano"))[0])


def test_equal_scores_say_nothing_after_scaling() -> None:
    assert min_max(np.array([3.0, 3.0], dtype=np.float32)).tolist() == [0, 0]
    assert min_max(np.array([1.0, 2.0, 3.0], dtype=np.float32)).tolist() == [0, 0.5, 1]


def test_words_leave_out_function_words_possessives_and_what_redaction_put_in() -> None:
    assert words("Zoë's <NAME> didn't like <EMAIL_ADDRESS> in Łódź, did she?") == ["zoë", "like", "łódź"]


def test_word_vectors_start_anew_when_their_table_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assets.memory.words.WORDS_KEPT", 10)
    table = WordVectors()
    fresh = WordVectors()
    for start in range(0, 40, 4):
        wanted = [f"word{n}" for n in range(start, start + 6)]
        assert np.allclose(table.of(wanted), fresh._model.embed(wanted), atol=1e-6)
    assert len(table._row) <= 10


def test_letters_typed_with_their_accents_apart_are_the_same_words() -> None:
    assert words("Cafe\u0301 au lait") == words("Caf\u00e9 au lait")
    assert (
        best(corpus([("a", "user", "Rain."), ("b", "user", "The caf\u00e9 by the river.")]), asked("cafe\u0301?")) == 1
    )
