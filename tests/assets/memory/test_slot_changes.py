# ruff: noqa: E501 - a table reads by its rows
"""A change told in two clauses, the ways a noun stands with its value, and what looks like a change and is none."""

import polars as pl
import pytest

from assets.memory.slots import slotted


def _slots(texts: list[str]) -> list[tuple[str | None, str | None, bool | None]]:
    return slotted(pl.DataFrame({"content": texts})).select("slot", "slot_value", "slot_single").rows()


@pytest.mark.parametrize(
    ("slot", "value", "ways"),
    [
        ("device:phone", "pixel", ["I replaced my phone, now it is a Pixel", "I don't use my old phone any more, I've got a Pixel", "My old phone broke, it's a Pixel now", "I have swapped my old phone for a Pixel", "A Pixel is what I use as a phone", "The phone I carry around is a Pixel"]),
        ("bank", "harbour bank", ["I am not with my old bank any more, I switched to Harbour Bank", "My current account is with Harbour Bank", "I keep my money at Harbour Bank", "My wages go into an account at Harbour Bank", "My old bank closed, I am with Harbour Bank now"]),
        ("rent", "480", ["The old rent is not valid any more, I pay 480 euros a month", "Each month 480 euros of my money goes to the landlord", "It is 480 euros a month for the rent"]),
        ("partner", "mateo", ["I have a new boyfriend, his name is Mateo", "The man I'm dating is called Mateo", "My love life has changed, I am seeing Mateo now"]),
        ("occupation", "florist", ["I have changed careers and I'm a florist now", "By profession I am a florist"]),
        ("commute", "bike", ["My way of getting to work has changed, I go by bike now", "These days I get to work by bike"]),
        ("study_subject", "marine biology", ["I study marine biology", "At university my subject is marine biology", "I am doing a degree in marine biology", "I changed courses and am enrolled in marine biology now"]),
        ("appointment:physiotherapy", "monday", ["My physio appointment is every Monday", "The physio sees me every week on Monday", "They moved my weekly physio to Monday", "My physio is not at the old time any more, it is on Monday", "My slot for physiotherapy is Monday"]),
        ("remedy:hay fever", "loratadine", ["I use loratadine for my hay fever", "For hay fever the remedy I use is loratadine", "I've switched to loratadine for my hay fever", "My hay fever gets treated with loratadine", "Against hay fever I rely on loratadine"]),
        ("pet_food:cat", "raw chicken", ["My cat eats raw chicken", "I feed the cat raw chicken", "I changed the cat's food to raw chicken", "What goes into my cat's bowl is raw chicken"]),
        ("living_with", "sister", ["My sister and I live under one roof", "At home it's just my sister and me", "I live with my sister"]),
    ],
)  # fmt: skip
def test_one_value_in_one_clause_or_two(slot: str, value: str, ways: list[str]) -> None:
    assert dict(zip(ways, _slots(ways), strict=True)) == dict.fromkeys(ways, (slot, value, True))


NEAR_MISSES = [
    # another owner
    ("My bank is Monzo", "My brother's bank is Barclays"),
    ("My phone is a Pixel", "My sister's phone is a Nokia"),
    ("My cat weighs 4 kilos", "My dog weighs 9 kilos"),
    ("My cat eats kibble", "My dog eats kibble with rice"),
    ("My cat eats kibble", "My neighbour's cat eats raw chicken"),
    ("I bank with Monzo", "My wife banks with Barclays"),
    ("My rent is 600 euros", "My brother's rent is 900 euros"),
    ("I pay 600 euros in rent", "I pay 300 euros for my mother's flat"),
    ("I live with my sister", "My cousin lives with his parents"),
    ("My dentist is Dr Lang", "My daughter's dentist is Dr Roth"),
    ("I study law", "My sister studies medicine"),
    ("I go to work by bike", "My husband goes to work by train"),
    ("I smoke five cigarettes a day", "My father smokes two packs a day"),
    # another aspect
    ("My phone is a Pixel", "My phone is broken"),
    ("My phone is a Pixel", "My phone is on the table"),
    ("My phone is a Pixel", "My phone is new"),
    ("My car is a Volvo", "My car is in the garage"),
    ("My boss is Ana", "My boss is angry with me"),
    ("My boss is Ana", "My boss is in Berlin this week"),
    ("My physio appointment is on Monday", "My physio is Dr Berg"),
    ("My gym is FitX", "My gym is too far away"),
    ("I bank with Monzo", "My bank is closing branches"),
    ("My cat eats kibble", "My cat eats a lot"),
    ("My cat eats kibble", "My cat eats everything"),
    ("I study law", "I study hard"),
    ("I study law", "I study at night"),
    ("My rent is 600 euros", "My rent is too high"),
    ("I use loratadine for my hay fever", "I use a lot of tissues for my hay fever"),
    ("My commute is by bike", "My commute is 40 minutes"),
    # many at a time, additional
    ("My phone is a Pixel", "I also have a second phone, a Nokia"),
    ("My phone is a Pixel", "I have another phone called a Nokia"),
    ("I bank with Monzo", "I also bank with Barclays"),
    ("I take 50 mg of sertraline", "I also take 20 mg of omeprazole"),
    ("My friend is Ana", "My friend is Bea"),
    ("My sister is Ana", "My sister is Bea"),
    ("My hobby is chess", "My hobby is knitting"),
    ("I study law", "I'm studying Spanish on the side"),
    ("I use loratadine for my hay fever", "I use both a spray and tablets for my hay fever"),
    ("I live with my sister", "My sister also lives with two cats"),
    ("I have yoga on Monday", "I have yoga on Monday and Thursday"),
    # the past
    ("My phone is a Pixel", "My old phone was a Nokia"),
    ("My phone is a Pixel", "My first phone was a Nokia"),
    ("I bank with Monzo", "I used to bank with Barclays"),
    ("I bank with Monzo", "I banked with Barclays as a student"),
    ("I live with my sister", "I lived with my parents until 2019"),
    ("I study law", "I studied philosophy"),
    ("I go to work by bike", "I went to work by tram yesterday"),
    ("My rent is 600 euros", "My rent was 500 euros back then"),
    # plans, wishes, guesses, conditions
    ("My phone is a Pixel", "I want to replace my phone with a Fairphone"),
    ("My phone is a Pixel", "My next phone will be a Fairphone"),
    ("I bank with Monzo", "I might switch banks to Barclays"),
    ("I bank with Monzo", "If I switched banks I would go to Barclays"),
    ("My rent is 600 euros", "My rent will be 700 euros from May"),
    ("I study law", "I'd love to study medicine"),
    ("I live with my sister", "I hope to live with my boyfriend"),
    ("I go to work by bike", "Maybe I'll go to work by train"),
    ("My gym is FitX", "I'm thinking of changing my gym to Holmes Place"),
    # somebody's word, a question
    ("My phone is a Pixel", "My dad thinks my phone is a Nokia"),
    ("I bank with Monzo", "My friend says I bank with Barclays"),
    ("I live with my sister", "Do I live with my parents?"),
    ("My boss is Ana", "Is my boss called Carl?"),
    # for a while
    ("I live with my sister", "I'm living with my parents this week"),
    ("I go to work by bike", "Tomorrow I go to work by train"),
    ("I go to work by bike", "I go to work by train occasionally"),
    ("My physio is on Monday", "My physio is on Friday this week"),
    ("I drink two cups of coffee a day", "I drink four cups of coffee when I am tired"),
    ("My hairdresser is Mona", "Ana does my hair for the wedding"),
    ("My landlord is Mr Olsen", "My brother rents from Ms Kaya"),
    ("My landlord is Mr Olsen", "The flat belongs to a friend of a friend"),
    ("My wedding is in May", "My wedding is in Rome"),
    ("My wedding is in May", "My sister's wedding is in June"),
    ("I save 50 euros a month", "I save 100 euros a month for my sister"),
    ("I wear size 38 shoes", "My son wears size 29 shoes"),
    # two clauses that tell no change of the noun
    ("My phone is a Pixel", "My phone is broken, it is a mess"),
    ("My phone is a Pixel", "I lost my phone, it was on the bus"),
    ("My car is a Volvo", "I sold my bike, I drive home now"),
    ("My gym is FitX", "My gym is closed, it is sad"),
    ("My boss is Ana", "My boss left, I am glad"),
    ("My job is nurse", "I do not like my job any more, I am tired"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), NEAR_MISSES)
def test_what_looks_like_a_change_and_is_none_ends_nothing(before: str, after: str) -> None:
    (one, value, single), (other, later, also_single) = _slots([before, after])
    supersedes = one is not None and one == other and single and also_single and value != later
    assert not supersedes, (one, value, later)
