"""What a process of engram loads once. A test that kills one many times imports this and forks: its children begin with
it all. No store was opened, no frame computed; LanceDB's threads are there but idle, and begin anew in a child."""

from importlib import import_module

from assets.memory import rewording_rules, score, slot_words
from assets.memory.embed import embedder
from assets.memory.word_llama import WordLlamaEmbedder
from warehouse.settings import get_settings

for module in (
    *("adbc_driver_postgresql.dbapi", "lancedb", "psycopg", "redis", "rensa", "sqlalchemy", "wordllama"),
    *("warehouse.embedded", "warehouse.live.database", "warehouse.longterm", "warehouse.shortterm"),
):
    import_module(module)

model = embedder(get_settings())
assert isinstance(model, WordLlamaEmbedder)
_ = model._begins  # its weights and words, read the first time they are asked for
score.rules()
slot_words.cued_numbers()
rewording_rules.cued()
