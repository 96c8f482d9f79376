"""A real sentence-transformers model, made here with random weights: embedded with, reindexed to, recalled with.

Runs where the optional package is installed (`make models`); nothing is downloaded but the package.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from assets.memory.consolidation import consolidate
from assets.memory.embed import EmbeddingFailed, embedder
from assets.memory.reindex import needed, reindex
from assets.memory.retrieval import recall
from tests.assets.memory import arriving
from tests.assets.memory.remembering import NOW, Person, index
from tests.assets.memory.test_reindex import FACTS, QUESTIONS, anna
from warehouse.settings import Settings
from warehouse.stores import Stores

pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed; `make models` installs it")

__all__ = ["anna"]

SIZE = 48


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with random weights and a WordPiece vocabulary of letters and the words of the facts."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules as parts
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("bert")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'-"
    words = sorted({word.strip(".,?").lower() for text in (*FACTS, *QUESTIONS) for word in text.split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{one}" for one in letters), *words]
    vocabulary = list(dict.fromkeys(vocabulary))
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder)
    shape = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=SIZE,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=64,
    )
    BertModel(shape).save_pretrained(folder)
    inner = parts.Transformer(str(folder), max_seq_length=64)
    SentenceTransformer(modules=[inner, parts.Pooling(SIZE)], device="cpu").save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of static token vectors, random ones, of another size."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules as parts
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    torch.manual_seed(7)
    words = sorted({word.strip(".,?") for text in (*FACTS, *QUESTIONS) for word in text.split()})
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(["[UNK]", *words])}, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = Whitespace()
    folder = tmp_path_factory.mktemp("static") / "model"
    SentenceTransformer(modules=[parts.StaticEmbedding(tokenizer, embedding_dim=24)], device="cpu").save(str(folder))
    return folder


def with_model(settings: Settings, model: Path) -> Stores:
    return Stores(settings.model_copy(update={"embedder": f"sentence-transformers:{model}"}))


def test_each_text_has_one_unit_vector_the_same_in_any_batch(settings: Settings, transformer: Path) -> None:
    model = embedder(with_model(settings, transformer).settings)
    texts = [*FACTS, "a" * 5_000, "we talked about my sister's wedding 🎉", *(f"note {i}" for i in range(150))]

    found = model.embed(texts)

    assert (found.dtype, found.shape, model.dimension) == (np.float32, (len(texts), SIZE), SIZE)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.allclose(found[:3], model.embed(texts[:3]), atol=1e-4)
    assert model.embed([]).shape == (0, SIZE)


def test_a_model_is_named_by_what_it_holds_and_not_by_its_folder_alone(
    settings: Settings, transformer: Path, static: Path
) -> None:
    one, two = (embedder(with_model(settings, model).settings) for model in (transformer, static))

    assert one.name != two.name


def test_a_folder_that_holds_no_model_is_refused_without_a_traceback_of_the_library(
    settings: Settings, tmp_path: Path
) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(EmbeddingFailed, match="could not be loaded"):
            embedder(with_model(settings, folder).settings)


@pytest.mark.parametrize("kind", ["transformer", "static"])
def test_consolidation_and_recall_work_with_it(settings: Settings, kind: str, request: pytest.FixtureRequest) -> None:
    stores = with_model(settings, request.getfixturevalue(kind))
    user = arriving.person(stores)
    arriving.push(stores, user, *(arriving.raw(fact) for fact in FACTS))

    consolidate(stores, now=arriving.NOW)

    state = stores.longterm.state("memories")
    assert state is not None
    assert state.model == embedder(stores.settings).name
    assert arriving.projected(stores, user) == arriving.shown(stores, user)
    hits = recall(stores, user, "What happened to the cherry tree?", 3, now=arriving.NOW, record=False)
    assert hits[0].text == FACTS[-1]


def test_a_change_to_it_is_built_beside_the_old_table_and_answers_after_the_switch(
    settings: Settings, anna: Person, transformer: Path, static: Path
) -> None:
    before = Stores(settings)
    for model in (static, transformer):
        after = with_model(settings, model)
        assert set(needed(after)) == {"memories", "turns"}
        reindex(after, now=NOW)
        index(after)
        assert needed(after) == []
        state = after.longterm.state("memories")
        assert state is not None
        assert (state.model, state.rows) == (embedder(after.settings).name, len(FACTS))
        found = recall(after, str(anna.id), QUESTIONS[0], 5, now=NOW, record=False)
        assert FACTS[0] in {hit.text for hit in found}
    assert set(needed(before)) == {"memories", "turns"}
