"""Embedders: the default without network, the endpoint against a real local server, absent packages."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from assets.memory.embed import EmbeddingFailed, EndpointEmbedder, embedder
from warehouse.settings import Settings

Answer = Callable[[list[str]], "tuple[int, bytes] | tuple[int, bytes, dict[str, str]]"]


class Endpoint:
    """A local OpenAI-compatible server whose answers a test chooses."""

    def __init__(self) -> None:
        self.requests: list[dict[str, object]] = []
        self.answers: list[Answer] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(body | {"authorization": self.headers.get("Authorization"), "path": self.path})
                answer = outer.answers.pop(0) if outer.answers else counted
                status, payload, *more = answer(body["input"])
                self.send_response(status)
                for name, value in (more[0] if more else {}).items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(BrokenPipeError):  # who asked has given up by then
                    self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def vectors(texts: list[str], dimension: int = 6) -> list[dict[str, object]]:
    return [{"index": i, "embedding": [float(len(text)), *[1.0] * (dimension - 1)]} for i, text in enumerate(texts)]


def counted(texts: list[str]) -> tuple[int, bytes]:
    return 200, json.dumps({"data": vectors(texts)}).encode()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    yield server
    server.close()


def at(endpoint: Endpoint) -> EndpointEmbedder:
    return EndpointEmbedder("tiny", endpoint.url, "key", sleep=lambda _: None)


def test_the_default_embedder_works_where_no_network_call_is_possible(tmp_path: Path) -> None:
    script = """
import socket
def refuse(*args, **kwargs): raise AssertionError("network used")
socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse
from assets.memory.word_llama import WordLlamaEmbedder
assert WordLlamaEmbedder().embed(["hello there"]).shape == (1, 256)
"""
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert list(tmp_path.iterdir()) == [], "nothing may be downloaded or cached"


def test_an_endpoint_is_asked_in_batches_with_its_key_and_answers_are_put_in_order(endpoint: Endpoint) -> None:
    def shuffled(texts: list[str]) -> tuple[int, bytes]:
        return 200, json.dumps({"data": vectors(texts)[::-1]}).encode()

    model = at(endpoint)
    assert model.dimension == 6
    endpoint.answers = [shuffled, shuffled, shuffled]
    texts = ["x" * (1 + i % 9) for i in range(600)]
    found = model.embed(texts)
    assert found.shape == (600, 6)
    raw = np.array([[float(len(text)), 1, 1, 1, 1, 1] for text in texts])
    assert np.allclose(found, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)
    assert [len(request["input"]) for request in endpoint.requests] == [1, 256, 256, 88]  # type: ignore[arg-type]
    assert {request["authorization"] for request in endpoint.requests} == {"Bearer key"}
    assert {request["path"] for request in endpoint.requests} == {"/v1/embeddings"}


def test_settings_choose_the_embedder_and_name_what_is_wrong(endpoint: Endpoint) -> None:
    assert embedder(Settings()).name == "wordllama/l2_supercat_256"
    chosen = embedder(Settings(embedder="openai:tiny", embedder_url=endpoint.url, embedder_key=SecretStr("k")))
    assert chosen.name == "openai/tiny"
    assert chosen.dimension == 6
    with pytest.raises(ValueError, match="needs embedder_url"):
        embedder(Settings(embedder="openai:tiny"))
    with pytest.raises(ValueError, match="expected wordllama"):
        embedder(Settings(embedder="word2vec"))


def test_a_missing_optional_package_says_what_to_install() -> None:
    try:
        import sentence_transformers  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        with pytest.raises(EmbeddingFailed, match="is not installed"):
            embedder(Settings(embedder="sentence-transformers:all-MiniLM-L6-v2"))
    else:
        with pytest.raises(EmbeddingFailed, match="could not be loaded"):
            embedder(Settings(embedder="sentence-transformers:/nowhere/at/all"))


def test_the_default_model_leaves_logging_as_it_was() -> None:
    script = (
        "import logging; from assets.memory.word_llama import WordLlamaEmbedder;"
        " WordLlamaEmbedder().embed(['quiet']);"
        " print(logging.getLogger().level, logging.getLogger().handlers)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == f"{logging.WARNING} []"
