# ruff: noqa: E501 - a table reads by its rows
"""The ways in which a fact of one's own is said, and neighbours of each that say something else."""

import polars as pl
import pytest

from assets.memory.slots import slotted


def _slot(text: str) -> tuple[str | None, str | None, bool | None]:
    return slotted(pl.DataFrame({"content": [text]})).select("slot", "slot_value", "slot_single").row(0)


@pytest.mark.parametrize(
    ("slot", "value", "ways"),
    [
        ("rent", "950", [
            "My rent is 950 euros", "My rent is €950", "My rent is 950 a month", "My rent is $950", "My rent is $950 a month", "My rent is $950/month",
            "My rent is 950€ per month", "Our rent is 950", "I pay 950 in rent", "I pay 950 euros a month in rent", "I pay 950 euros rent",
            "I pay $950 a month for rent", "I pay 950 a month for my apartment", "I pay 950 for my flat", "I pay 950 a month for my place", "The rent is 950 now",
            "The rent went up to 950", "My rent went up to 950", "My rent just went up from 900 to 950", "My landlord raised the rent to 950",
            "The landlord raised my rent to 950 euros", "My landlord put the rent up to 950", "They raised my rent to 950", "The rent was raised to 950",
            "My rent was increased to 950 euros", "My rent has been raised to 950", "My rent increased to 950", "Rent: 950", "Rent is 950 now",
            "Rent is 950 a month", "Rent went up to 950", "Rent went from 900 to 950", "My rent is now up to 950", "I'm paying 950 in rent now",
            "I now pay 950 for the apartment", "We pay 950 in rent", "950 is what I pay in rent", "950 euros a month is what I pay for my flat",
            "The flat costs me 950 a month", "My flat costs 950 a month", "My apartment is 950 a month", "The rent on my flat is 950",
            "The rent for my apartment is 950", "The rent for our flat went up to 950 euros", "My monthly rent is 950", "My rent jumped to 950",
            "My rent climbed to 950", "My rent has gone up to 950", "The new rent is 950", "Rent's 950 now", "My rent got bumped to 950", "My rent sits at 950",
            "My rent comes to 950 a month", "Our landlord bumped the rent to 950", "I spend 950 on rent", "I spend 950 a month on rent", "My rent dropped to 950",
            "Every month I pay 950 in rent", "Starting this month my rent is 950", "We got the rent lowered to 950",
        ]),
        ("pet_weight:tom", "5 kg", [
            "Tom weighs 5 kg", "My cat Tom weighs 5 kg", "My cat Tom weighs 5 kg now", "The vet says Tom weighs 5 kg", "Tom is up to 5 kg", "Tom is at 5 kg",
            "Tom's weight is 5 kg", "Tom now weighs 5 kilos", "Tom is down to 5 kg", "Tom weighs in at 5 kg", "Tom has gone up to 5 kg",
            "Tom went from 4 kg to 5 kg", "Tom dropped to 5 kg",
        ]),
        ("pet_weight:cat", "5 kg", [
            "My cat weighs 5 kg", "Our cat is up to 5 kg", "My cat is 5 kg", "My cat is now at 5 kg", "The cat weighs 5 kg", "The vet said our cat weighs 5 kg",
            "My cat's weight is 5 kg", "My cat's weight went up to 5 kg", "My cat went up to 5 kg", "5 kg is what my cat weighs", "My cat has got up to 5 kg",
            "My cat slimmed down to 5 kg",
        ]),
        ("device:phone", "pixel 8", [
            "My phone is a Pixel 8", "I have a Pixel 8", "I got a Pixel 8", "I use a Pixel 8", "My new phone is a Pixel 8", "I switched to a Pixel 8",
            "I upgraded to a Pixel 8", "I upgraded my phone to a Pixel 8", "I bought a Pixel 8", "I got a new phone, a Pixel 8", "My phone's a Pixel 8",
            "The phone I use is a Pixel 8", "A Pixel 8 is my phone", "The phone I have is a Pixel 8", "I traded my iPhone for a Pixel 8",
            "I replaced my phone with a Pixel 8", "I use a Pixel 8 as my phone", "My current phone is a Pixel 8", "I have a Pixel 8 now",
            "I'm using a Pixel 8 now", "I swapped my iPhone 12 for a Pixel 8", "I went from an iPhone 12 to a Pixel 8", "I changed my phone to a Pixel 8",
            "I'm on a Pixel 8 now", "I carry a Pixel 8",
        ]),
        ("appointment:gym day", "tuesday", [
            "Gym day is Tuesday", "My gym day is Tuesday", "Tuesday is gym day", "Tuesday is my gym day", "My gym day is Tuesday now",
            "My gym day moved to Tuesday", "I moved my gym day to Tuesday", "I go to the gym on Tuesdays", "I go to the gym every Tuesday",
            "On Tuesdays I go to the gym", "I do the gym on Tuesdays", "Tuesdays are for the gym", "I hit the gym on Tuesdays", "I switched gym day to Tuesday",
            "Gym is on Tuesdays now", "I switched my gym day from Monday to Tuesday", "My gym session is on Tuesday", "Tuesdays are gym days",
            "My weekly gym day is Tuesday", "I changed my gym day to Tuesday",
        ]),
        ("partner", "anna", [
            "My partner is Anna", "I'm dating Anna", "Anna is my girlfriend", "Anna's my girlfriend",
            "Anna and I are together", "Anna and I are dating", "Anna and I are a couple", "I'm engaged to Anna", "Anna and I got engaged",
            "Anna and I got married", "I married Anna", "I'm going out with Anna", "I started dating Anna", "I've started seeing Anna",
            "I'm in a relationship with Anna", "I have a new girlfriend, Anna", "I have a girlfriend called Anna", "My girlfriend's name is Anna",
            "My girlfriend is called Anna", "I am together with Anna", "I got together with Anna", "My new boyfriend is Anna", "I'm married to Anna",
            "I've been dating Anna", "Anna and I are an item",
        ]),
        ("care:doctor", "dr patel", [
            "My family doctor is Dr. Patel", "My doctor is Dr. Patel", "My GP is Dr Patel", "Dr. Patel is my family doctor", "Dr. Patel is my GP now",
            "I switched doctors to Dr. Patel", "My new doctor is Dr. Patel", "The doctor I see is Dr. Patel", "I have a new doctor, Dr. Patel",
            "I have a new GP called Dr. Patel", "I'm registered with Dr. Patel", "I'm with Dr. Patel now as my GP", "I changed family doctors to Dr. Patel",
            "Dr. Patel is the doctor I see", "My family doctor's name is Dr. Patel", "I'm a patient of Dr. Patel", "I'm seeing Dr. Patel as my GP",
            "My GP is now Dr. Patel", "Dr. Patel took over as my GP",
        ]),
        ("manager", "maria", [
            "My boss is Maria", "My new boss is Maria", "I report to Maria", "I report to Maria now", "Maria is my boss", "Maria's my boss",
            "My boss's name is Maria", "My manager is called Maria", "I have a new boss, Maria", "I got a new manager named Maria", "I answer to Maria",
            "Maria took over as my boss", "Maria took over as my manager", "Maria became my boss", "I'm reporting to Maria", "My boss is now Maria",
            "Maria is who I report to", "Maria runs my team", "Maria heads my team", "Maria replaced Tom as my boss", "The person I report to is Maria",
            "The one I report to is Maria", "Maria leads our team", "My supervisor's Maria", "I switched managers to Maria", "They made Maria my boss",
            "Maria is in charge of my team",
        ]),
        ("commute", "bike", [
            "I commute by bike", "I bike to work", "I cycle to work", "I ride my bike to work", "I go to work by bike", "I take my bike to work",
            "I take the bike to work", "I get to work by bike", "My commute is by bike", "I switched to biking to work", "I started cycling to work",
            "I'm biking to work these days", "I switched to the bike for my commute", "I ride a bike to work now", "I've been cycling to work",
            "By bike is how I get to work", "I travel to work by bike", "I go by bike to work", "I now cycle to the office", "I commute on my bike",
            "I use my bike to get to work", "I use the bike to commute", "Cycling is how I get to work", "My commute is a bike ride", "Biking is my commute",
            "To get to work I take the bike", "I pedal to work", "I changed to cycling to work", "I bike into work",
        ]),
        ("commute", "train", [
            "I take the train to work", "I commute by train", "I'm taking the train to work now", "I ride the train to work", "I catch the train to work",
            "My commute is by train", "I go to work on the train", "I use the train to get to work", "The train is how I get to work", "I get the train to work",
            "I switched from driving to taking the train to work",
        ]),
        ("commute", "car", [
            "I drive to work", "I go to work by car", "I started driving to work", "I commute by car", "I'm driving to work now", "I drive to the office",
            "I take the car to work",
        ]),
        ("bed_time", "22:30", [
            "Bedtime is 10:30 pm", "My bedtime is 10:30 pm", "My bedtime is half past ten", "I go to bed at 10:30 pm", "I'm in bed by 10:30 pm",
            "I go to sleep at 10:30 pm", "Lights out at 10:30 pm", "Lights are out at 10:30 pm", "I'm off to bed around 10:30 pm", "I'm asleep by 10:30 pm",
            "Bedtime: 10:30 pm", "In bed by 10:30 pm", "I fall asleep around 10:30 pm", "I turn in at 10:30 pm", "I hit the hay at 10:30 pm",
            "I hit the sack at 10:30 pm", "My bedtime moved to 10:30 pm", "I moved my bedtime to 10:30 pm", "I've been going to bed at 10:30 pm",
            "I'm usually asleep by 10:30 pm", "I head to bed at 10:30 pm", "10:30 pm is my bedtime", "10:30 pm is when I go to bed",
            "I pushed my bedtime back to 10:30 pm", "I started going to bed at 10:30 pm", "I switched my bedtime to 10:30 pm", "I go to bed by 10:30 pm",
            "Bed by 10:30 pm", "I get to bed around 10:30 pm", "I crawl into bed at 10:30 pm", "I tuck in at 10:30 pm", "My lights go out at 10:30 pm",
            "I call it a night at 10:30 pm",
        ]),
        ("home_city", "oslo", [
            "I live in Oslo", "I'm living in Oslo", "I moved to Oslo", "My home is in Oslo", "I'm based in Oslo", "Home is Oslo now", "Oslo is home now",
            "Oslo is my home", "I relocated to Oslo", "I call Oslo home", "I reside in Oslo", "Oslo is where I live", "We moved from Rome to Oslo",
            "I've settled in Oslo", "My place is in Oslo", "I live over in Oslo", "I live out in Oslo", "I settled down in Oslo", "The city I live in is Oslo",
            "My new home is Oslo", "I packed up and moved to Oslo", "I've made Oslo my home", "I'm settled in Oslo", "I moved house to Oslo",
            "Oslo's where I live", "I made the move to Oslo",
        ]),
        ("occupation", "nurse", [
            "I work as a nurse", "I'm a nurse", "My job is nurse", "I'm working as a nurse", "I'm employed as a nurse", "I became a nurse", "I started as a nurse",
            "I started working as a nurse", "I got a job as a nurse", "I changed careers to become a nurse", "My job title is nurse", "My occupation is nurse",
            "I make a living as a nurse", "I earn my living as a nurse", "I'm now a nurse", "A nurse is what I am", "Nursing is my job",
            "My profession is nursing", "I'm a nurse now", "I retrained as a nurse", "My new job is nurse", "I found work as a nurse", "I took a job as a nurse",
            "I went from waiter to nurse",
        ]),
        ("medication_dose:sertraline", "50mg", [
            "I take 50 mg of sertraline", "I'm on 50 mg of sertraline", "My sertraline dose is 50 mg", "My sertraline is 50 mg", "My sertraline went up to 50 mg",
            "My doctor raised my sertraline to 50 mg", "I was put on 50 mg of sertraline", "I was prescribed 50 mg of sertraline", "Sertraline: 50 mg",
            "They bumped my sertraline to 50 mg", "My dose of sertraline is 50 mg", "I take sertraline, 50 mg", "I take 50mg sertraline every morning",
            "The doctor lowered my sertraline from 100 mg to 50 mg", "My sertraline got raised to 50 mg", "I'm down to 50 mg of sertraline",
            "Sertraline 50 mg is what I take", "I now take fifty milligrams of sertraline", "50 mg of sertraline is what I take", "My sertraline was cut to 50 mg",
        ]),
    ],
)  # fmt: skip
def test_a_fact_is_known_however_it_is_said(slot: str, value: str, ways: list[str]) -> None:
    assert {way: _slot(way) for way in ways} == dict.fromkeys(ways, (slot, value, True))


@pytest.mark.parametrize(
    "text",
    [
        "My rent went up by 50", "The rent went up by 50 euros", "My rent went up 50", "My sister's rent is 950", "My sister pays 950 in rent",
        "My rent used to be 900", "I used to pay 900 in rent", "If my rent goes up to 950 I move out", "Will my rent go up to 950?",
        "Last year my rent was 900", "I paid 900 in rent", "I pay 20 for the gym", "I pay 950 for my car", "My landlord wants to raise the rent to 950",
        "The landlord might raise the rent to 950", "They threatened to raise my rent to 950", "My parents pay 950 in rent", "I owe 950 in rent",
        "I pay 950 in rent for my daughter", "The rent on my storage unit is 80", "My office rent is 900", "My cat used to weigh 5 kg", "My cat gained 1 kg",
        "Tom lost 2 kg", "My suitcase weighs 20 kg", "The suitcase weighs 20 kg", "The baby weighs 5 kg", "It weighs 5 kg", "He weighs 5 kg",
        "My sister weighs 60 kg", "I lift 50 kg", "My cat should weigh 5 kg", "When he was little Tom weighed 2 kg", "I want a Pixel 8",
        "My sister got a Pixel 8", "I broke my Pixel 8", "I bought a Pixel 8 for my mother", "I sold my Pixel 8", "I used to have a Pixel 8",
        "I have a 2 o'clock", "I have a Room 8", "I got a 7 on the exam", "I thought about going to the gym on Tuesday", "I went to the gym on Tuesday",
        "I was at the gym on Tuesday", "The gym is closed on Tuesday", "My sister goes to the gym on Tuesdays", "I go to the gym on Tuesdays and Fridays",
        "I'm with Anna at the beach", "I'm with Anna right now at the cinema", "I'm at the beach with Anna", "I was with Anna", "I'm seeing Anna on Friday",
        "I'm seeing Anna tomorrow", "I'm seeing Anna for coffee", "I'm seeing Anna again", "I'm seeing Dr. Patel on Monday", "Anna and I are friends",
        "Anna and I are together at the lake", "Anna and I are going out tonight", "I used to date Anna", "I dated Anna", "I wish I was dating Anna",
        "My brother is dating Anna", "Anna and Tom are together", "My brother is engaged to Anna", "I'm going out with Anna tonight",
        "I'm going out with friends", "I'm with the band", "I'm with you", "I'm in love with Paris", "I see Anna", "I go to Oslo", "I'm with Bosch",
        "I report to work at nine", "I report to the police", "I answer to nobody", "I saw Dr. Patel yesterday", "My mother's doctor is Dr. Patel",
        "I don't see Dr. Patel", "Maria took over", "Maria runs marathons", "Maria leads the choir", "I walked to work yesterday", "I biked to the lake",
        "I drove to work today", "I take the bus to my mother", "My sister bikes to work", "I used to bike to work", "I could bike to work",
        "I missed the train to work", "I switched to the train yesterday because of snow", "I went to bed at 3", "I went to bed at 3 last night",
        "I was in bed by ten", "My son goes to bed at 8", "The kids are in bed by 8", "My son's bedtime is 8", "Lights out at the gym at 10",
        "I should go to bed at 10", "I want to go to bed by 10", "I'm trying to go to bed by 10", "I have to be in bed by 10", "I'm in Oslo for the weekend",
        "I'm in Oslo", "Home is where the heart is", "I feel at home in Oslo", "I flew to Oslo", "I moved my plants to the balcony",
        "I found a restaurant in Oslo", "I want to become a nurse", "I'm no nurse", "My mother is a nurse", "I talked to a nurse", "I was a nurse",
        "I'm going by train to Rome", "I'm going by bike to my mother", "I travel by bus", "I go by bus to the lake",
        "I travelled to the office by taxi yesterday", "I take the bus to the city", "I rode my bike to the lake", "I used the bike to get to the station",
        "I started cycling", "I started driving lessons", "I drive my kids to school", "I walk my dog to work", "Walking to work is boring",
        "I went from driver to boss", "I got a job", "I found work as planned", "I got a job as soon as I could", "I took a job as a favour",
        "I changed jobs to be happy", "I married young", "I married him", "I'm seeing double", "I'm seeing progress", "I'm seeing things",
        "I'm seeing a therapist", "I started seeing Dr. Roth", "I started seeing results", "I'm dating a nurse", "I'm dating again", "I'm dating",
        "Anna and I are together in Paris", "Anna and I are together again on the project", "Anna and I got engaged in a fight",
        "Anna and I are engaged in a project", "Mum and I are together", "I'm happily with friends", "I got together with Anna for coffee",
        "I'm going out with Anna on Friday", "I'm going out with colleagues", "Anna leads our team at the quiz", "Anna runs our team of ten",
        "Nobody manages me", "The stress runs my team", "He replaced Tom as my boss", "Who replaced Tom as my boss", "My boss replaced the printer",
        "They made Maria cry", "They made Maria my neighbour", "They raised my rent", "They raised my rent by 50", "He raised the rent to the roof",
        "My landlord raised his voice", "They put the rent up", "My landlord put up a sign", "The rent is too high", "The rent is due on the 5th",
        "The rent is 3 days late", "Rent is due on the 1st", "My rent is 2 weeks late", "My rent is 30 percent of my income", "I spend 30 percent on rent",
        "I spend 2 hours on rent calculations", "I pay 50 more in rent", "My flat is 80 square meters", "My house is 100 years old",
        "My apartment is 950 meters from the lake", "My sister's flat costs 950 a month", "My cat is 5", "My cat is 5 years old",
        "My dog is up to 5 walks a day", "My dog is at 5 out of 10", "My dog ate 5 kg", "My dog ran 5 kg", "The scale says 5 kg", "The package weighs 5 kg",
        "My bag weighs 5 kg", "She weighs 5 kg", "Our baby weighs 5 kg", "The vet weighed him", "My cat weighs 5 kg less",
        "My cat weighs 5 kg more than before", "My cat lost weight down to 5 kg bags", "My neighbour's cat weighs 5 kg", "My sister's dog weighs 20 kg",
        "Do you know that Tom weighs 5 kg?", "Tom weighed 5 kg when we got him", "As a kitten Tom weighed 1 kg", "If Tom weighs 5 kg he is fat",
        "I have an iPhone problem", "I have an iPhone charger", "I got my iPhone repaired", "I got my iPhone 12 back", "I dropped my iPhone 12",
        "I bought an iPhone case", "I got an iPhone 13 for my daughter", "I got my sister an iPhone 13", "I'm on my iPhone", "I use my iPhone in bed",
        "I have a Galaxy 8 in my head", "I had an iPhone 12", "I borrowed a Pixel 8", "I have a work iPhone", "I have the iPhone of my mother",
        "I have two iPhones", "Leg day is hard", "Leg day is killing me", "Gym day is the best", "My gym day was fun on Tuesday", "Yoga day was on Tuesday",
        "Tuesday was gym day", "Tuesday is going to be a gym day", "I have the gym on Tuesday and Friday", "My brother's gym day is Tuesday",
        "The gym is full on Tuesday", "I have yoga on Tuesday", "Lights out at 10 at the camp for the kids", "The lights are out", "The lights went out at 10",
        "The lights went out at 10 last night", "In bed by 9 yesterday", "Asleep at 3 last night", "I got to bed at 3 last night",
        "I got to bed late", "I fell asleep at 3", "I headed to bed at 3", "I go to bed hungry", "I call it a night", "I went off to bed at 9 today",
        "I am in bed at noon because I'm ill", "I'm never in bed by 10", "I'm making the move to Oslo next year", "I got a room in Oslo for the weekend",
        "I rent a flat in Rome for a week", "I packed up and moved on", "I moved my cat from Rome to Oslo", "I moved the couch to the cellar",
        "I moved my appointment to Friday", "I'm a patient person", "I'm a patient of the clinic", "Dr. Patel is the doctor I saw once", "I switched dentists",
        "I see my doctor for my dog", "I went to Dr. Lang as a child", "They raised my salary", "They moved my desk to Berlin",
        "My mother moved my bed to the attic", "The bank cut my budget to shreds", "My boss cut my hours", "Update: 5 people came", "Score: 5",
        "To do: 3 things",
    ],
)  # fmt: skip
def test_what_stands_next_to_it_ends_nothing(text: str) -> None:
    slot, _, single = _slot(text)
    assert slot is None or not single


@pytest.mark.parametrize(
    "text",
    [
        "My boss is Maria", "My boss has been Maria since May", "Maria has been my boss since May", "My boss happens to be Maria", "My boss used to be Tom, now it's Maria",
        "MY BOSS IS MARIA", "my boss is maria", "My boss was Tom but now it is Maria", "My boss is no longer Tom, it's Maria",
    ],
)  # fmt: skip
def test_what_came_before_is_not_what_holds(text: str) -> None:
    assert _slot(text) == ("manager", "maria", True)


@pytest.mark.parametrize(
    "text",
    ["My car has been to Rome", "My boss has been Maria's friend", "My flat was nice, it is sunny", "My boss was Tom", "My home was broken and it is loud"],
)  # fmt: skip
def test_what_is_told_of_a_thing_is_not_what_it_is(text: str) -> None:
    slot, _, single = _slot(text)
    assert slot is None or not single
