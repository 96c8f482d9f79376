"""F33: the embedder is down, gives zeros, NaN or the wrong count: nothing is stored in place of a vector."""

import json
from collections.abc import Iterator

import pytest

from assets.memory.embed import EmbeddingFailed, EndpointEmbedder
from assets.memory.word_llama import WordLlamaEmbedder
from tests.assets.memory.test_embed import Answer, Endpoint, counted, vectors

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
    "not JSON": (answer(PRIVATE.encode()), "not JSON"),
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


def test_f33_an_endpoint_that_is_down_fails_after_its_attempts(endpoint: Endpoint) -> None:
    endpoint.close()
    waited: list[float] = []
    with pytest.raises(EmbeddingFailed, match="after 4 attempts"):
        EndpointEmbedder("tiny", endpoint.url, sleep=waited.append).embed([PRIVATE])
    assert len(waited) == 3


def test_f33_the_default_embedder_refuses_a_text_without_tokens() -> None:
    with pytest.raises(EmbeddingFailed, match="1 of 2 vectors are zero"):
        WordLlamaEmbedder().embed(["tea", ""])
