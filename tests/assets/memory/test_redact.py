"""What is taken out of a text before it is embedded, and what is not."""

import json

import polars as pl
import pytest

from assets.memory.accounts import ACCOUNTS
from assets.memory.patterns import HINT, Span, structured
from assets.memory.redaction import redact

ME = pl.DataFrame(
    [
        ("me", "name", "José Müller-Straße"),
        ("me", "email", "Jose.M@Example.org"),
        ("me", "phone", "+49 (0) 151 2345 6789"),
        ("me", "contact_name", "Anna van der Berg"),
        ("you", "name", "Will Smith"),
    ],
    schema=ACCOUNTS,
    orient="row",
)


def _redacted(text: str, user: str = "me") -> str:
    frame = pl.DataFrame({"user_id": [user], "content": [text]})
    return str(redact(frame, ME)["processed_content"].item())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am JOSE muller strasse", "I am <NAME> <NAME> <NAME>"),
        ("jose\u0301 wrote", "<NAME> wrote"),
        ("José Müller-Straße wrote", "<NAME> wrote"),
        ("José  Müller-Straße's diary", "<NAME>'s diary"),
        ("Josefine and the muesli", "Josefine and the muesli"),
        ("mail JOSE.M@EXAMPLE.ORG today", "mail <EMAIL_ADDRESS> today"),
        ("ring 0151/23456789 after six", "ring <PHONE_NUMBER> after six"),
        ("Anna van\nder Berg of Bergen", "<CONTACT> of Bergen"),
        ("anna called, van and der did not", "<CONTACT> called, van and der did not"),
    ],
)
def test_own_names_and_contacts_go_whatever_their_case_and_accents_at_word_boundaries(text: str, expected: str) -> None:
    assert _redacted(text) == expected


def test_the_names_of_one_person_are_not_looked_for_in_the_text_of_another() -> None:
    assert _redacted("Will and Jose met") == "Will and <NAME> met"
    assert _redacted("Will and Jose met", "you") == "<NAME> and Jose met"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I will go when you will", "I will go when you will"),
        ("Will is here, and WILL it is", "<NAME> is here, and <NAME> it is"),
        ("my name is will", "my name is <NAME>"),
        ("they call me will, they will", "they call me <NAME>, they will"),
        ("will smith will go", "<NAME> will go"),
        ("smith will go", "<NAME> will go"),
    ],
)
def test_a_name_that_is_an_everyday_word_goes_where_it_is_a_name(text: str, expected: str) -> None:
    assert _redacted(text, "you") == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to a.b+c@mail.example.co.uk.", "EMAIL_ADDRESS"),
        ("card 4111 1111 1111 1111 please", "CREDIT_CARD"),
        ("card 378282246310005", "CREDIT_CARD"),
        ("my number is 078-05-1120", "US_SSN"),
        ("IBAN DE89 3704 0044 0532 0130 00 at the bank", "IBAN_CODE"),
        ("from 192.168.10.7 tonight", "IP_ADDRESS"),
        ("from 2001:db8::ff00:42:8329 tonight", "IP_ADDRESS"),
        ("see https://files.example.org/get?token=abc123", "URL"),
        ("see https://example.org/s/Zk3v9QpL0aX7uT2mB4", "URL"),
        ("call me on +1 (212) 555-0187", "PHONE_NUMBER"),
        ("call 030 901820", "PHONE_NUMBER"),
        ("(613)667-3456x123", "PHONE_NUMBER"),
        ("0041 44 668 18 00", "PHONE_NUMBER"),
    ],
)
def test_structured_identifiers_are_found_behind_their_hint(text: str, kind: str) -> None:
    assert [span.kind for span in structured(text)] == [kind]
    assert pl.Series([text]).str.contains(HINT).all()


@pytest.mark.parametrize(
    "text",
    [
        "I ran 12 km in 63 minutes on 2026-03-14",
        "card 4111 1111 1111 1112 has a wrong digit",
        "we met at 10:30 and again at 11:45",
        "version 1.2.3.4000 of the app",
        "000-12-3456 and 666-12-3456 were never given out",
        "it is on https://example.org/books",
        "me@home is not an address",
        "I weighed 81.5, then 79.25 kilos",
        "from 1990 to 2005",
    ],
)
def test_what_only_looks_like_an_identifier_stays(text: str) -> None:
    assert structured(text) == []


def test_what_was_found_is_counted_by_kind_and_never_quoted() -> None:
    frame = pl.DataFrame({"user_id": ["me"], "content": ["jose and a@example.org and b@example.org"]})

    found = redact(frame, ME)["pii_detected"].item()

    assert json.loads(found) == {"EMAIL_ADDRESS": 2, "NAME": 1}


def test_a_named_entity_model_can_be_plugged_in() -> None:
    class Cities:
        def find(self, texts: list[str]) -> list[list[Span]]:
            return [[Span(at, at + 6, "LOCATION")] if (at := text.find("Berlin")) >= 0 else [] for text in texts]

    frame = pl.DataFrame({"user_id": ["me", "me"], "content": ["Jose in Berlin", "nothing"]})

    assert redact(frame, ME, entities=Cities())["processed_content"].to_list() == ["<NAME> in <LOCATION>", "nothing"]
