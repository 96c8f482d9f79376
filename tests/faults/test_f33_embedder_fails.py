"""F33: the embedder is down, gives zeros, NaN or the wrong count: nothing is stored in place of a vector."""

import json
import threading
from collections.abc import Iterator

import pytest

from assets.memory.consolidation import consolidate
from assets.memory.embed import EmbeddingFailed, EndpointEmbedder, question_vector
from assets.memory.word_llama import WordLlamaEmbedder
from tests.assets.memory import arriving
from tests.assets.memory.test_embed import Answer, Endpoint, counted, vectors
from warehouse.settings import Settings
from warehouse.stores import Stores

PRIVATE = "my private words"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.close()


def answer(payload: object, status: int = 200) -> Answer:
    return lambda _: (status, payload if isinstance(payload, bytes) else json.dumps(payload).encode())


BROKEN: dict[str, tuple[Answer, str]] = {
    "one vector too few": (
        lambda texts: (200, json.dumps({"data": vectors(texts)[:-1]}).encode()),
        "expected 2 vectors",
    ),
    "one vector too many": (
        lambda texts: (200, json.dumps({"data": vectors([*texts, "x"])}).encode()),
        "expected 2 vectors",
    ),
    "none": (answer({"data": []}), "expected 2 vectors"),
    "another size": (lambda texts: (200, json.dumps({"data": vectors(texts, 7)}).encode()), "got shape"),
    "zeros": (answer({"data": [{"index": i, "embedding": [0.0] * 6} for i in range(2)]}), "are zero"),
    "NaN": (answer({"data": [{"index": i, "embedding": [float("nan")] * 6} for i in range(2)]}), "NaN or infinity"),
    "ragged": (answer({"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}), "ragged"),
    "text for numbers": (answer({"data": [{"index": i, "embedding": ["a"] * 6} for i in range(2)]}), "expected 2"),
    "the same index twice": (answer({"data": [{"index": 0, "embedding": [1.0] * 6}] * 2}), "do not count"),
    "an error object": (answer({"error": {"message": PRIVATE}}), "has no data"),
    "refused": (answer({"error": PRIVATE}, 401), "status 401 after 1 attempts"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_f33_a_broken_answer_is_an_error_without_the_text(endpoint: Endpoint, case: str) -> None:
    model = EndpointEmbedder("tiny", endpoint.url, sleep=lambda _: None)
    assert model.dimension == 6
    broken, said = BROKEN[case]
    endpoint.answers = [broken]
    with pytest.raises(EmbeddingFailed, match=said) as failure:
        model.embed([PRIVATE, "more"])
    assert PRIVATE not in str(failure.value)
    assert PRIVATE not in repr(failure.value.__context__)


def test_f33_a_busy_endpoint_is_asked_again_and_then_answers(endpoint: Endpoint) -> None:
    waited: list[float] = []
    model = EndpointEmbedder("tiny", endpoint.url, sleep=waited.append)
    assert model.dimension == 6
    endpoint.answers = [answer({}, 503), answer({}, 429), counted]
    assert model.embed(["a", "b"]).shape == (2, 6)
    assert waited == [0.5, 1.0]


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("7", 7.0), ("0", 0.5), ("3600", 60.0), ("-5", 0.5), ("soon", 0.5), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.5)],
)
def test_f33_an_endpoint_that_says_when_to_come_back_is_left_alone_until_then(
    endpoint: Endpoint, asked: str, seconds: float
) -> None:
    waited: list[float] = []
    model = EndpointEmbedder("tiny", endpoint.url, sleep=waited.append)
    assert model.dimension == 6
    endpoint.answers = [lambda _: (429, b"{}", {"Retry-After": asked}), counted]
    assert model.embed(["a"]).shape == (1, 6)
    assert waited == [seconds]


CUT_OFF: dict[str, tuple[Answer, str]] = {
    "in the middle of its JSON": (lambda texts: (200, counted(texts)[1][:-9]), "not JSON"),
    "before its announced length": (
        lambda texts: (200, counted(texts)[1][:-9], {"Content-Length": str(len(counted(texts)[1]))}),
        "IncompleteRead",
    ),
    "in the middle of a character": (answer('"ü'.encode()[:-1]), "not JSON"),
    "by a proxy with a page of its own": (answer(PRIVATE.encode()), "not JSON"),
    "with status 500": (answer({"error": PRIVATE}, 500), "status 500"),
}


@pytest.mark.parametrize("case", CUT_OFF)
def test_f33_an_answer_that_is_cut_off_is_asked_for_again_and_then_an_error(endpoint: Endpoint, case: str) -> None:
    model = EndpointEmbedder("tiny", endpoint.url, sleep=lambda _: None)
    assert model.dimension == 6
    cut, said = CUT_OFF[case]
    endpoint.answers = [cut, counted]
    assert model.embed(["a"]).shape == (1, 6)
    endpoint.answers = [cut] * 4
    with pytest.raises(EmbeddingFailed, match=f"{said} after 4 attempts") as failure:
        model.embed([PRIVATE])
    assert PRIVATE not in str(failure.value) + repr(failure.value.__context__)


def test_f33_an_endpoint_that_does_not_answer_is_given_up(endpoint: Endpoint) -> None:
    silent = threading.Event()

    def never(texts: list[str]) -> tuple[int, bytes]:
        silent.wait(10)
        return counted(texts)

    model = EndpointEmbedder("tiny", endpoint.url, sleep=lambda _: None, timeout=0.05)
    endpoint.answers = [never] * 4
    with pytest.raises(EmbeddingFailed, match="TimeoutError after 4 attempts"):
        model.embed([PRIVATE])
    silent.set()


def test_f33_while_the_endpoint_is_down_everything_waits_and_nothing_is_stored(
    settings: Settings, endpoint: Endpoint
) -> None:
    stores = Stores(settings.model_copy(update={"embedder": "openai:tiny", "embedder_url": endpoint.url}))
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin"))
    endpoint.answers = [counted, *[answer({}, 400)] * 9]
    with pytest.raises(EmbeddingFailed):
        consolidate(stores, now=arriving.NOW)
    assert (arriving.rows(stores, user), len(arriving.waiting(stores, user))) == ([], 1)
    endpoint.answers = []
    consolidate(stores, now=arriving.NOW)
    assert [row["content"] for row in arriving.rows(stores, user)] == ["I live in Berlin"]
    assert arriving.projected(stores, user) == arriving.shown(stores, user)


def test_f33_a_question_waits_for_one_short_attempt_and_the_next_one_for_none(endpoint: Endpoint) -> None:
    model = EndpointEmbedder("tiny", endpoint.url)
    endpoint.answers = [answer({}, 503), counted]
    for said in ("after 1 attempts", "failed a moment ago"):
        with pytest.raises(EmbeddingFailed, match=said):
            question_vector(model, PRIVATE)
    assert len(endpoint.answers) == 1


def test_f33_nothing_to_embed_asks_for_nothing(endpoint: Endpoint) -> None:
    endpoint.answers = [answer({}, 503)]
    assert len(EndpointEmbedder("tiny", endpoint.url).embed([])) == 0
    assert len(endpoint.answers) == 1


def test_f33_an_endpoint_that_is_down_fails_after_its_attempts(endpoint: Endpoint) -> None:
    endpoint.close()
    waited: list[float] = []
    with pytest.raises(EmbeddingFailed, match="after 4 attempts"):
        EndpointEmbedder("tiny", endpoint.url, sleep=waited.append).embed([PRIVATE])
    assert len(waited) == 3


def test_f33_the_default_embedder_refuses_a_text_without_tokens() -> None:
    with pytest.raises(EmbeddingFailed, match="1 of 2 vectors are zero"):
        WordLlamaEmbedder().embed(["tea", ""])
