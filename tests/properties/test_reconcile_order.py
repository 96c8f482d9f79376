"""What a person's memories are does not depend on the order or the batches in which they arrived."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings, strategies

from assets.memory.consolidation import consolidate
from tests.assets.memory import arriving
from warehouse.shards import shard_of
from warehouse.stores import Stores

TEXTS = (
    "I live in Berlin",
    "I moved to Lisbon",
    "I live in Lisbon with two cats",
    "I love coffee",
    "I hate coffee",
    "I really enjoy coffee",
    "I take 50 mg of sertraline",
    "My sertraline went up to 100 mg",
    "We went for a long walk along the river with Anna and the dogs",
    "We went for a long walk along the river with Anna and the dogs!",
    "we went for a long walk along the river with Anna and the dog",
    "We went for a long walk along the river without Anna and the dogs",
    "My favourite colour is blue",
    "My favourite colour is green",
)
said = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(TEXTS), strategies.integers(1, 9), strategies.sampled_from(("event", "goal"))
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=strategies.data(), items=said)
def test_the_state_is_the_same_in_any_order_and_any_batches(
    stores: Stores, data: strategies.DataObject, items: list[tuple[str, int, str]]
) -> None:
    raws = [arriving.raw(text, at=arriving.DAY.format(day), kind=kind) for text, day, kind in items]
    shuffled = data.draw(strategies.permutations(raws))
    cuts = sorted(data.draw(strategies.sets(strategies.integers(0, len(raws)), max_size=3)) | {0, len(raws)})
    at_once, in_parts = arriving.person(stores), arriving.person(stores)

    arriving.push(stores, at_once, *raws)
    consolidate(stores, [shard_of(at_once)], now=arriving.NOW, retire_share=1)
    for start, end in pairwise(cuts):
        arriving.push(stores, in_parts, *shuffled[start:end])
        consolidate(stores, [shard_of(in_parts)], now=arriving.NOW, retire_share=1)

    assert arriving.state(stores, in_parts) == arriving.state(stores, at_once)
    assert arriving.projected(stores, in_parts) == arriving.shown(stores, in_parts)
