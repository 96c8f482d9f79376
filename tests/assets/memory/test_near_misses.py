# ruff: noqa: E501 - a table reads by its rows
"""Pairs of statements that say the same, and pairs that only look like it."""

import polars as pl
import pytest

from assets.memory.rewording import comes_down_to
from assets.memory.slots import slotted

SAME = [
    # opinions
    ("I think podcasts are boring", "If you ask me, podcasts are boring"),
    ("I find sushi overrated", "To my mind sushi is overrated"),
    ("In my opinion bullfights are cruel", "I find bullfights cruel"),
    ("My opinion on yoga is that it is great fun", "I think yoga is great fun"),
    # feelings
    ("I am nervous about the audit", "I feel nervous about the audit"),
    ("The thought of retirement leaves me uneasy", "I am uneasy about retirement"),
    ("When I think about the harvest, I feel proud", "I feel proud about the harvest"),
    # what helps
    ("Ginger tea helps me with nausea", "What works for nausea is ginger tea"),
    ("Against hiccups I use a spoon of sugar", "A spoon of sugar helps me with hiccups"),
    ("When my asthma is bad, steam does me good", "Steam helps me with my asthma"),
    # fears
    ("What scares me about diving is running out of air", "When it comes to diving I am afraid of running out of air"),
    ("I fear getting lost when I think of caves", "Caves frighten me because of getting lost"),
    # people
    ("My aunt Rosa paints icons", "I have an aunt, Rosa, who paints icons"),
    ("My nephew is called Timo and studies law", "Timo, my nephew, studies law"),
    ("Rosa is my colleague and sings opera", "My colleague Rosa sings opera"),
    ("I met Wanda at a funeral", "Wanda and I met at a funeral"),
    ("I got to know Wanda on a cruise", "It was on a cruise that I met Wanda"),
    ("The first time I met Ruben was in Oslo", "I met Ruben in Oslo"),
    ("My grandson owns a ferret", "My grandson has a ferret"),
    ("There is a parrot at home with my dentist", "My dentist keeps a parrot"),
    ("My landlord and I rarely talk", "We rarely talk, my landlord and I"),
    ("With my neighbour it is like this, we play cards", "My neighbour and I play cards"),
    ("Petra and I went to the opera", "I went to the opera with Petra"),
    # giving, lending, teaching
    ("My uncle taught me how to juggle", "I learned how to juggle from my uncle"),
    ("It was Sister Agnes who taught me to sew", "Thanks to Sister Agnes I know how to sew"),
    ("The person who taught me to ski was my aunt", "I was taught to ski by my aunt"),
    ("Otto lent me a ladder", "I borrowed a ladder from Otto"),
    ("For my birthday Lina gave me a kite", "I got a kite from Lina for my birthday"),
    ("Lina surprised me with a kite on my birthday", "My birthday present from Lina was a kite"),
    ("My present for Kurt was a globe", "I gave Kurt a globe as a present"),
    ("I sent my landlord a letter", "I sent a letter to my landlord"),
    ("I baked my nephew a cake", "I baked a cake for my nephew"),
    # where things are, what they cost
    ("I keep the ladder behind the shed", "The ladder is behind the shed"),
    ("If anyone needs the pump, it is under the bench", "You can find the pump under the bench"),
    ("The place where I keep my medals is in the attic", "My medals are in the attic"),
    ("I paid 300 euros for the tent", "The tent cost me 300 euros"),
    ("I spent 45 dollars on the lamp", "For the lamp I had to shell out 45 dollars"),
    ("80 pounds is what I paid for the clock", "I paid 80 pounds for the clock"),
    # plans and habits
    ("My plan for the cellar is to insulate it", "I intend to insulate it when it comes to the cellar"),
    ("I am planning to sell the boat", "My plan is to sell the boat"),
    ("I have decided to emigrate", "I intend to emigrate"),
    ("I am going to repaint the hall", "I will repaint the hall"),
    ("I would like to see Petra", "I want to see Petra"),
    ("I usually fish on Sundays", "On Sundays I fish"),
    ("I tend to jog twice a week", "I jog twice a week"),
    # what happens
    ("Dagmar is going through a bankruptcy", "It is a bankruptcy that Dagmar is going through"),
    ("Dagmar is dealing with a lawsuit", "Right now Dagmar is in the middle of a lawsuit"),
    ("I dreamed that the bridge fell", "In my dream the bridge fell"),
    ("I had a dream where a bear sang", "I dreamed that a bear sang"),
    ("At the sauna I fainted", "I fainted at the sauna"),
    ("When I was at the embassy, I lost my temper", "I was at the embassy and I lost my temper"),
    ("There is trouble with the dishwasher, which leaks", "It is the dishwasher again, it leaks"),
    ("You know my scooter, well, it stalls", "My scooter stalls"),
    ("There is news from Milo, who has found a job", "Milo has found a job"),
    ("I gave up archery because my shoulder hurt", "The reason I stopped with archery was that my shoulder hurt"),
    ("I do not do archery any more, because it bored me", "I quit archery because it bored me"),
    ("I helped my tutor carry a piano", "With my help my tutor managed to carry a piano"),
    ("It annoys me that Igor hums", "What gets on my nerves is that Igor hums"),
    ("Igor slurps his soup and it drives me mad", "I cannot stand it that Igor slurps his soup"),
    ("I am fed up because Igor whistles", "It is so irritating how Igor whistles"),
    ("The hardest part of farming is the weather", "What I struggle with most about farming is the weather"),
    ("The smell of tar reminds me of Hamburg", "The smell of tar takes me back to Hamburg"),
    ("I always connect bells with my village", "Bells remind me of my village"),
    ("What I bought was a harp", "I bought a harp"),
    ("A quilt is what I made for Berta", "I made a quilt for Berta"),
    ("It was Erik who broke the vase", "Erik broke the vase"),
    ("I read about bats in a newspaper", "I came across something about bats in a newspaper"),
    ("I took a bus tour with Ole", "With Ole I went on a bus tour"),
    ("I visited my aunt", "I went to see my aunt"),
]

DIFFERENT = [
    # negation and degree
    ("I think podcasts are boring", "I do not think podcasts are boring"),
    ("I think podcasts are boring", "I think podcasts are not boring"),
    ("I am nervous about the audit", "I am a bit nervous about the audit"),
    ("I am nervous about the audit", "I am not nervous about the audit"),
    ("Ginger tea helps me with nausea", "Ginger tea does not help me with nausea"),
    ("Ginger tea helps me with nausea", "Ginger tea never helps me with nausea"),
    ("My grandson has a ferret", "My grandson has no ferret"),
    ("I usually fish on Sundays", "I never fish on Sundays"),
    ("I sometimes fish on Sundays", "I always fish on Sundays"),
    ("I hardly speak to my landlord", "I speak to my landlord"),
    ("I have a few friends", "I have few friends"),
    ("I never said she was always late", "I always said she was never late"),
    ("Nobody helped me with the move", "Somebody helped me with the move"),
    ("What helps me most with nausea is tea", "What helps me least with nausea is tea"),
    ("The hardest part of farming is the weather", "The best part of farming is the weather"),
    # who and whom
    ("Otto lent me a ladder", "I lent Otto a ladder"),
    ("I borrowed a ladder from Otto", "Otto borrowed a ladder from me"),
    ("My uncle taught me how to juggle", "I taught my uncle how to juggle"),
    ("For my birthday Lina gave me a kite", "For her birthday I gave Lina a kite"),
    ("My present for Kurt was a globe", "My present from Kurt was a globe"),
    ("I helped my tutor carry a piano", "My tutor helped me carry a piano"),
    ("Erik broke the vase for Ida", "Ida broke the vase for Erik"),
    ("It was Erik who told Ida", "It was Ida who told Erik"),
    ("The smell of tar reminds me of Hamburg", "Hamburg reminds me of the smell of tar"),
    ("I remind my aunt of my mother", "My aunt reminds me of my mother"),
    ("What scares me about diving is sharks", "What scares me about sharks is diving"),
    ("Caves frighten me because of bats", "Bats frighten me because of caves"),
    ("Nausea helps me with ginger tea", "Ginger tea helps me with nausea"),
    ("Igor annoys my sister", "My sister annoys Igor"),
    ("My aunt Rosa paints icons", "My uncle Rosa paints icons"),
    ("My aunt Rosa paints icons", "Her aunt Rosa paints icons"),
    ("My aunt Rosa knows Petra", "My aunt Petra knows Rosa"),
    ("My sister's friend plays chess", "My friend's sister plays chess"),
    ("Petra and I are angry", "I am angry with Petra"),
    ("Petra and I miss the lake", "I miss the lake with Petra"),
    ("I miss my brother", "My brother misses me"),
    ("I look after my father", "My father looks after me"),
    ("I owe Tom 20 euros", "Tom owes me 20 euros"),
    ("I am proud of my daughter", "My daughter is proud of me"),
    ("Milo left Vera", "Vera left Milo"),
    ("I asked Milo to call Vera", "I asked Vera to call Milo"),
    ("I want Milo to call", "Milo wants me to call"),
    # tense and modality
    ("I visited my aunt", "I want to visit my aunt"),
    ("I visited my aunt", "I plan to visit my aunt"),
    ("I will visit my aunt", "I might visit my aunt"),
    ("I plan to sell the boat", "I want to sell the boat"),
    ("I planned to sell the boat", "I plan to sell the boat"),
    ("I used to fish on Sundays", "I fish on Sundays"),
    ("I sold the boat", "I have to sell the boat"),
    ("I should sell the boat", "I will sell the boat"),
    ("I was nervous about the audit", "I am nervous about the audit"),
    ("Ginger tea helped me with nausea", "Ginger tea helps me with nausea"),
    ("Ginger tea might help me with nausea", "Ginger tea helps me with nausea"),
    ("The smell of tar reminded me of Hamburg", "The smell of tar reminds me of Hamburg"),
    ("I have lived in Oslo for two years", "I lived in Oslo for two years"),
    ("My grandson had a ferret", "My grandson has a ferret"),
    ("My grandson wants a ferret", "My grandson has a ferret"),
    ("I paid 300 euros for the tent", "I pay 300 euros for the tent"),
    ("Dagmar went through a bankruptcy", "Dagmar is going through a bankruptcy"),
    ("My uncle is teaching me to juggle", "My uncle taught me to juggle"),
    ("I started archery", "I stopped archery"),
    ("I keep the ladder behind the shed", "I kept the ladder behind the shed"),
    # figures, days, places, prepositions
    ("I paid 300 euros for the tent", "I paid 350 euros for the tent"),
    ("I paid 300 euros for the tent", "I paid 300 dollars for the tent"),
    ("I jog twice a week", "I jog twice a month"),
    ("I jog once a week", "I jog twice a week"),
    ("On Sundays I fish", "On Mondays I fish"),
    ("I keep the ladder behind the shed", "I keep the ladder in the shed"),
    ("I met Wanda before the funeral", "I met Wanda after the funeral"),
    ("I went to the opera with Petra", "I went to the opera without Petra"),
    ("I flew from Rome to Oslo", "I flew from Oslo to Rome"),
    ("I voted for the reform", "I voted against the reform"),
    ("I read about bats in a newspaper", "I read about newspapers in a bat"),
    ("I quit archery because my shoulder hurt", "My shoulder hurt because I quit archery"),
    ("I quit archery because it bored me", "I quit archery although it bored me"),
    ("I gave Kurt a globe for his birthday", "I gave Kurt a globe for my birthday"),
    # what is done and felt
    ("Otto gave me a ladder", "Otto lent me a ladder"),
    ("I like podcasts", "I hate podcasts"),
    ("I love my cat", "I miss my cat"),
    ("I am afraid of dogs", "I am fond of dogs"),
    ("I feel torn about the move", "I feel relieved about the move"),
    ("Caves frighten me because of bats", "Caves calm me because of bats"),
    ("I want to stop to eat", "I want to eat to stop"),
    ("I stopped at the bakery", "I met at the bakery"),
    ("I met my aunt", "I visited my aunt"),
    ("I dreamed that the bridge fell", "The bridge fell"),
    ("In my dream the bridge fell", "I saw that the bridge fell"),
    ("It annoys me that Igor hums", "I like it that Igor hums"),
    ("I heard that Milo has found a job", "Milo has found a job"),
    ("My father says that coffee is unhealthy", "I think coffee is unhealthy"),
    ("I bought a harp for Berta", "I sold a harp for Berta"),
    ("I think my aunt is ill", "My aunt is ill"),
    ("I am looking for my keys", "I have found my keys"),
    ("I have a dog and Ida has a cat", "I have a cat and Ida has a dog"),
    ("The man with the dog told the boy", "The man told the boy with the dog"),
    ("I trust Milo with money and fear Vera", "I trust Milo and fear Vera with money"),
    ("On Friday I said I would quit", "I said I would quit on Friday"),
    ("I only told Milo", "Only I told Milo"),
    ("I finished the book", "I lost the book"),
    ("I helped my tutor carry a piano", "I asked my tutor to carry a piano"),
    ("Milo needed to move and I helped", "Milo needed help and I moved"),
]


def _same(one: str, other: str) -> bool:
    """Whether two texts would be compared, or fill one slot alike, and say the same."""
    rows = slotted(pl.DataFrame({"content": [one, other]}))
    if rows["slot"].null_count() == 0 and rows.select("slot", "slot_value", "gist").n_unique() == 1:
        return True
    left, right = rows["plain"]
    proposed = not rows["slot_single"].any() and rows["words"].n_unique() == 1 and bool(rows["words"][0])
    return proposed and comes_down_to(left) == comes_down_to(right)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_said_in_other_words_it_is_the_same(one: str, other: str) -> None:
    assert _same(one, other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_only_looks_like_it_is_not_the_same(one: str, other: str) -> None:
    assert not _same(one, other)
    assert not _same(other, one)
