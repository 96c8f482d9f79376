"""Pairs of statements that say the same, and pairs that only look like it; of subjects that no benchmark has."""

from pathlib import Path

import polars as pl
import pytest
import yaml

from assets.memory.consolidation import consolidate
from assets.memory.rewording import comes_down_to
from assets.memory.rewording_rules import rule_of, rules
from assets.memory.slot_rules import rules as rules_of_slots
from assets.memory.slots import slotted
from tests.assets.memory import arriving
from warehouse.stores import Stores

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
    ("My coach advised me to rest", "My coach said that I should rest"),
    ("Wanda recommended a thriller to me", "A thriller was recommended to me by Wanda"),
    ("Otto promised me to fix the roof", "Otto gave me his word that he would fix the roof"),
    ("My cousin calls me Pumpkin", "My cousin's nickname for me is Pumpkin"),
    ("Petra and I argued about politics", "I had an argument with Petra about politics"),
    ("I have known Ruben for ten years", "Ruben and I have known each other for ten years"),
    ("My niece works as a welder", "My niece is a welder by trade"),
    ("My canary is called Pepe", "The name of my canary is Pepe"),
    ("My doctor comes from Ghana", "My doctor is from Ghana"),
    ("My nephew has a talent for drawing", "My nephew is good at drawing"),
    ("I inherited a clock from my aunt", "My aunt bequeathed me a clock"),
    ("It takes me 20 minutes to get to the lake", "The way to the lake takes 20 minutes"),
    ("The concert takes place on Friday", "The concert is on Friday"),
    ("I admire my boss because he listens", "The reason I admire my boss is that he listens"),
    ("What I miss about Lima is the food", "The food is what I miss about Lima"),
    ("What worries me about the surgery is the scar", "My worry about the surgery is the scar"),
    ("Wanda came with me to the fair", "Wanda and I went to the fair"),
    ("The letter was written by my uncle", "My uncle wrote the letter"),
    ("The vase was broken by Erik", "It was Erik who broke the vase"),
    ("When I am sad I bake", "I bake when I am sad"),
    ("I have started learning Korean", "I am learning Korean"),
    ("What keeps me awake is the street", "It is the street that keeps me awake"),
    ("What I am growing is pumpkins", "Pumpkins are what I am growing"),
    ("Ole lied to me about the rent", "I was lied to by Ole about the rent"),
    ("I turned down the offer", "I said no to the offer"),
    ("My recital is on Thursday", "I have a recital on Thursday"),
    ("It was raining so I stayed at home", "I stayed at home because it was raining"),
    ("Vera is a friend of mine", "Vera is my friend"),
    ("Ida borrowed my drill", "I lent my drill to Ida"),
    ("When I was ill, Vera looked after me", "I was looked after by Vera when I was ill"),
    ("For two years I ran a shop with Ole", "Ole and I ran a shop for two years"),
    ("The verdict surprised me", "The verdict came as a surprise to me"),
    ("What losing taught me is patience", "Losing taught me patience"),
    ("I am saving up for a canoe", "A canoe is what I am saving up for"),
    ("Meetings bore me", "I find meetings boring"),
    ("My hobby is collecting stamps", "I have a collection of stamps"),
]

DIFFERENT = [
    # negation and degree
    ("Only my niece reads to me", "My niece only reads to me"),
    ("Even my brother cooked for us", "My brother even cooked for us"),
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
    ("I want to talk with Jack", "I want to talk about Jack"),
    ("I plan to talk with Jack", "I plan to talk about Jack"),
    ("I will vote for the reform", "I will vote on the reform"),
    ("My ex says she is bored", "My ex says he is bored"),
    ("Remember the pen he bought", "Remember the pen she bought"),
    ("What I love about dogs is films", "I love films about dogs"),
    ("I like a song for Ida", "I like a song about Ida"),
    ("My wife and I suggest talking about it", "I suggest talking to my wife about it"),
    ("My aunt left me a note", "I inherited a note from my aunt"),
    ("Ole asked me if I can swim", "Ole asked me to swim"),
    ("My brother ate it", "My brother ate"),
    ("I do not really know Vera", "I do not know Vera"),
    ("I am not just a nurse", "I am not a nurse"),
    ("I was ill so I could travel", "I could travel because I was ill"),
    ("What keeps me awake is tea", "What keeps me asleep is tea"),
    ("It is Tom that hates Ida", "It is Ida that hates Tom"),
    ("My parrot tires me", "I tire my parrot"),
    ("I get nervous on trains", "I get nervous in trains"),
    ("Ida borrowed my drill", "I borrowed my drill from Ida"),
    ("I was lied to by Ole", "I lied to Ole"),
    ("Ole was invited by me", "I was invited by Ole"),
    ("I was teased by Ole about Ida", "I was teased by Ida about Ole"),
    ("I said no to the offer", "I said yes to the offer"),
    ("When I was ill, Vera looked after me", "When Vera was ill, I looked after her"),
    ("I have complained for years", "I complained for a year"),
    ("For two years I ran a shop with Ole", "For two years I ran a shop without Ole"),
    ("What I like about Edgar is his wife", "What I like about his wife is Edgar"),
    ("I cleaned the flat while I sang", "I sang while I cleaned the flat"),
    ("I fell because I ran", "I ran because I fell"),
    ("The reason I moved is that Ida left", "The reason Ida left is that I moved"),
    ("It is our custom to sing", "It is our custom not to sing"),
    ("My interview is on Thursday", "My interview was on Thursday"),
    ("I collect stamps", "I collected stamps"),
    ("I do not do archery because it bores me", "I quit archery because it bores me"),
    ("My father thinks I should rest", "My father advised me to rest"),
    ("The therapist can help with sleep", "The therapist helps me with sleep"),
    ("My coach advised me to rest", "I advised my coach to rest"),
    ("Otto promised me to call", "I promised Otto to call"),
    ("Otto promised me to call", "Otto asked me to call"),
    ("I inherited a clock from my aunt", "My aunt inherited a clock from me"),
    ("I have known Ruben for ten years", "I have known Ruben for two years"),
    ("My niece works as a welder", "My niece worked as a welder"),
    ("My niece is good at drawing", "My niece is not good at drawing"),
    ("What I miss about Lima is the food", "What I hate about Lima is the food"),
    ("What I love about my job is the pay", "What I love most about my job is the pay"),
    ("What I miss about Lima is the food", "What I miss about the food is Lima"),
    ("It takes me 20 minutes to get to the lake", "It takes me 30 minutes to get to the lake"),
    ("The letter was written by my uncle", "The letter was written for my uncle"),
    ("When I bake I am sad", "When I am sad I bake"),
    ("I bake when I am sad", "I am sad when I bake"),
    ("I ate before I slept", "I slept before I ate"),
    ("I argued with Petra about Ole", "I argued with Ole about Petra"),
    ("Petra recommended Ole to me", "Ole recommended Petra to me"),
    ("I owe 20 euros to Ole", "Ole owes 20 euros to me"),
    ("I was learning Korean", "I am learning Korean"),
    ("I am learning Korean", "I am teaching Korean"),
    ("The concert is on Friday", "The concert was on Friday"),
    ("I finally told my boss that I am pregnant", "I told my boss that I am not pregnant"),
    ("My sister Ida married Tom", "My sister married Ida's Tom"),
    ("I almost fainted at the sauna", "I fainted at the sauna"),
    ("I pretended to faint at the sauna", "I fainted at the sauna"),
    ("I tried to help my tutor", "I helped my tutor"),
    ("I forgot to call Milo", "I called Milo"),
    ("Milo forgot that I called", "I forgot that Milo called"),
    ("I used to be afraid of dogs", "I am afraid of dogs"),
    ("I am less nervous about the audit", "I am more nervous about the audit"),
    ("I am no longer nervous about the audit", "I am nervous about the audit"),
    ("I wish I had a boat", "I have a boat"),
    ("If I win I will buy a boat", "I won and bought a boat"),
    ("I can afford a boat", "I cannot afford a boat"),
    ("All my friends came", "None of my friends came"),
    ("Half of my friends came", "All of my friends came"),
    ("I am older than my brother", "My brother is older than me"),
    ("Vera is taller than Milo", "Milo is taller than Vera"),
    ("I like tea more than coffee", "I like coffee more than tea"),
    ("I moved from Lima to Quito", "I moved from Quito to Lima"),
    ("I did it for Vera without Milo", "I did it for Milo without Vera"),
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


def test_a_way_that_would_lose_what_somebody_said_is_refused() -> None:
    with pytest.raises(ValueError, match="in every way"):
        rule_of("it annoys me that {y}", "i dislike {x} because he {y}")


def test_no_pair_that_others_wrote_to_mislead_becomes_one_memory(stores: Stores) -> None:
    pairs: list[list[str]] = yaml.safe_load(Path(__file__).with_name("near_misses.yaml").read_text(encoding="utf-8"))
    people = [arriving.person(stores) for _ in pairs]
    for person, pair in zip(people, pairs, strict=True):
        days = (arriving.DAY.format(day) for day in (1, 9))
        arriving.push(
            stores, person, *(arriving.raw(text, at=at, kind="event") for text, at in zip(pair, days, strict=True))
        )

    consolidate(stores, now=arriving.NOW)

    with stores.live.connect() as conn:
        merged = conn.execute(
            "SELECT user_id::text FROM memory.items WHERE extraction_metadata->>'merged_into' IS NOT NULL"
        ).fetchall()
    assert [pair for person, pair in zip(people, pairs, strict=True) if (person,) in merged] == []


def test_every_way_of_both_tables_is_a_pattern() -> None:
    assert all(rule.pattern for rule in rules())
    assert all(rule.pattern for rule in rules_of_slots())
