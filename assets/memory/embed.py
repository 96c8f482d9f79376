"""Text to vectors: the embedder protocol, the default model, the optional ones, and the refusal of failed embeddings.

Lives here: loading a model by its setting, batching, unit length, and the check every result passes.
Does not live here: the default model (`word_llama.py`), what is embedded, where vectors are kept
(`warehouse/longterm.py`).

Settings `embedder`:
    `wordllama`                          static token vectors, 256 dimensions, weights in its wheel, no network;
    `sentence-transformers:NAME-OR-PATH` any sentence-transformers model (optional package);
    `openai:MODEL`                       any OpenAI-compatible endpoint at `embedder_url` (`…/v1`), key `embedder_key`.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from hashlib import file_digest, sha256
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from warehouse.settings import Settings

Matrix = npt.NDArray[np.float32]

TEXTS_PER_REQUEST = 256
REQUEST_SECONDS = 60.0
REQUEST_ATTEMPTS = 4
LONGEST_PAUSE = 60.0
"""Seconds: the longest wait between two attempts that an endpoint's `Retry-After` may ask for."""
QUESTION_SECONDS = 1.0
"""How long a question that somebody waits for may wait for an endpoint; then the words alone answer."""

REST_SECONDS = 30.0
"""How long an endpoint that failed a question is not asked another."""

MODEL_FILES = frozenset({".json", ".safetensors", ".bin", ".txt", ".model"})
"""Files of a local model that decide its vectors: configuration, weights, vocabulary."""
RETRIED_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class EmbeddingFailed(RuntimeError):
    """The model gave no usable vector for each text; nothing may be stored in its stead."""


class Embedder(Protocol):
    """A model that turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """Name stored beside every vector; two models never share one."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    def embed(self, texts: Sequence[str]) -> Matrix:
        """One unit-length float32 row per text, in order.

        Raises:
            EmbeddingFailed: the model is down, or gave another count, another size, zeros or NaN.
        """


def embedder(settings: Settings) -> Embedder:
    """The embedder named in the settings, loaded once per process.

    Raises:
        ValueError: the setting names no known kind.
        EmbeddingFailed: the optional package or the model is missing.
    """
    key = settings.embedder_key.get_secret_value() if settings.embedder_key else None
    return _loaded(settings.embedder, settings.embedder_url, key)


@lru_cache(maxsize=4)
def _loaded(setting: str, url: str | None, key: str | None) -> Embedder:
    kind, _, model = setting.partition(":")
    if kind == "wordllama" and not model:
        from assets.memory.word_llama import WordLlamaEmbedder

        return WordLlamaEmbedder()
    if kind == "sentence-transformers" and model:
        return SentenceTransformersEmbedder(model)
    if kind == "openai" and model and url:
        return EndpointEmbedder(model, url, key)
    if kind == "openai" and model:
        raise ValueError("embedder: an openai: model needs embedder_url, the endpoint's address up to /v1")
    raise ValueError(
        "embedder: expected wordllama, sentence-transformers:NAME-OR-PATH or openai:MODEL, "
        f"got {len(setting)} characters of another form"
    )


def accepted(vectors: npt.ArrayLike, *, model: str, count: int, dimension: int | None) -> Matrix:
    """What a model returned, checked and scaled to unit length.

    Raises:
        EmbeddingFailed: another count or size than expected, a zero vector, NaN or infinity.
    """
    try:
        matrix = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as failure:
        raise EmbeddingFailed(
            f"{model}: expected {count} vectors of one size, got ragged or non-numeric ones"
        ) from failure
    if count == 0:
        return np.empty((0, dimension or 0), dtype=np.float32)
    if matrix.ndim != 2 or matrix.shape[0] != count or (dimension is not None and matrix.shape[1] != dimension):
        raise EmbeddingFailed(
            f"{model}: expected {count} vectors of {dimension or 'one size'}, got shape {matrix.shape}"
        )
    if not np.isfinite(matrix).all():
        bad = int((~np.isfinite(matrix).all(axis=1)).sum())
        raise EmbeddingFailed(f"{model}: {bad} of {count} vectors hold NaN or infinity")
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    if not (lengths > 1e-6).all():
        raise EmbeddingFailed(f"{model}: {int((lengths <= 1e-6).sum())} of {count} vectors are zero")
    return np.asarray(matrix / lengths, dtype=np.float32)


def question_vector(model: Embedder, question: str) -> Matrix:
    """The vector of a question somebody waits for.

    Raises:
        EmbeddingFailed: the model is down; an endpoint is told so within `QUESTION_SECONDS`.
    """
    if isinstance(model, EndpointEmbedder):
        return model.answer_at_once(question)
    return np.asarray(model.embed([question])[0], dtype=np.float32)


class SentenceTransformersEmbedder:
    """A sentence-transformers model by name or local path; the package is optional."""

    def __init__(self, model: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]
        except ImportError as failure:
            raise EmbeddingFailed(
                "embedder: sentence-transformers is not installed; `uv pip install sentence-transformers`, "
                "or set ENGRAM_EMBEDDER=wordllama"
            ) from failure
        try:
            self._model = SentenceTransformer(model)
        except (OSError, ValueError) as failure:
            raise EmbeddingFailed("embedder: that sentence-transformers model could not be loaded") from failure
        self.name = f"sentence-transformers/{_named(Path(model)) if Path(model).is_dir() else model}"
        size = getattr(self._model, "get_embedding_dimension", None) or self._model.get_sentence_embedding_dimension
        self.dimension = int(size())

    def embed(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text."""
        found = self._model.encode(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True)
        return accepted(found, model=self.name, count=len(texts), dimension=self.dimension)


def _named(folder: Path) -> str:
    """A local model by what it holds, then by its folder: two models in folders of one name are two, and training one
    further makes another."""
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in MODEL_FILES and path.is_file()):
        digest.update(f"{path.relative_to(folder)}\x1f{path.stat().st_size}\x1f".encode())
        with path.open("rb") as file:
            digest.update(file_digest(file, "sha256").digest())
    return f"{digest.hexdigest()[:12]}/{folder.resolve().name}"


class EndpointEmbedder:
    """An OpenAI-compatible `/embeddings` endpoint, in requests of 256 texts, retried when it is busy or down."""

    def __init__(
        self,
        model: str,
        url: str,
        key: str | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        timeout: float = REQUEST_SECONDS,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("embedder_url: expected http:// or https://")
        self.name = f"openai/{model}"
        self._model = model
        self._address = url.rstrip("/") + "/embeddings"
        self._key = key
        self._sleep = sleep
        self._timeout = timeout
        self._rests_until = 0.0

    @cached_property
    def dimension(self) -> int:
        """Vector size, asked of the endpoint once."""
        return int(self._request(["size"], None).shape[1])

    def embed(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text."""
        if not texts:  # nothing to ask for, not even the size
            return np.empty((0, 0), dtype=np.float32)
        parts = [
            self._request(list(texts[start : start + TEXTS_PER_REQUEST]), self.dimension)
            for start in range(0, len(texts), TEXTS_PER_REQUEST)
        ]
        return np.concatenate(parts)

    def answer_at_once(self, question: str) -> Matrix:
        """The unit vector of one text in a single short attempt, and in none soon after one that failed."""
        if time.monotonic() < self._rests_until:
            raise EmbeddingFailed(f"{self.name}: the endpoint failed a moment ago")
        try:
            return np.asarray(
                self._request([question], None, attempts=1, timeout=QUESTION_SECONDS)[0], dtype=np.float32
            )
        except EmbeddingFailed:
            self._rests_until = time.monotonic() + REST_SECONDS
            raise

    def _request(
        self, texts: list[str], dimension: int | None, *, attempts: int = REQUEST_ATTEMPTS, timeout: float | None = None
    ) -> Matrix:
        body = json.dumps({"model": self._model, "input": texts, "encoding_format": "float"}).encode()
        answer = self._post(body, attempts, timeout or self._timeout)
        try:
            rows = sorted(answer["data"], key=lambda row: int(row["index"]))
            vectors = [row["embedding"] for row in rows]
            in_order = [int(row["index"]) for row in rows] == list(range(len(rows)))
        except (KeyError, TypeError, ValueError) as failure:
            raise EmbeddingFailed(f"{self.name}: the answer has no data[].index and data[].embedding") from failure
        if not in_order:
            raise EmbeddingFailed(f"{self.name}: the answer's indexes do not count from 0 to {len(texts) - 1}")
        return accepted(vectors, model=self.name, count=len(texts), dimension=dimension)

    def _post(self, body: bytes, attempts: int, timeout: float) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        reason, pause = "no answer", 0.0
        for attempt in range(attempts):
            if attempt:
                self._sleep(max(pause, 0.5 * 2 ** (attempt - 1)))
            pause = 0.0
            request = urllib.request.Request(self._address, data=body, headers=headers, method="POST")  # noqa: S310
            try:
                with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                    return json.loads(answer.read())
            except urllib.error.HTTPError as failure:
                reason = f"status {failure.code}"
                if failure.code not in RETRIED_STATUS:
                    break
                pause = _asked_to_wait(failure.headers.get("Retry-After"), datetime.now(UTC))
            except ValueError:
                # Cut off on the way, or what a proxy says instead: the next answer may be whole.
                reason = "an answer that is not JSON"
            except (OSError, HTTPException) as failure:
                reason = type(failure).__name__
        # `from None`: an HTTP error carries the request, and the request carries private text.
        raise EmbeddingFailed(f"{self.name}: the endpoint gave {reason} after {attempt + 1} attempts") from None


def _asked_to_wait(value: str | None, now: datetime) -> float:
    """Seconds that a `Retry-After` header asks for, as a number or a date; 0 for anything else."""
    if value is None:
        return 0.0
    try:
        seconds = float(value) if value.strip().isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (TypeError, ValueError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE)
