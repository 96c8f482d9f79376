"""`docs/recall.md` is true: its program runs, and it names every argument and every field there is."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

from assets.memory.choice import Hit
from assets.memory.retrieval import recall
from tests.assets.memory.remembering import person
from warehouse.stores import Stores

TEXT = Path("docs/recall.md").read_text()
NOT_FOR_SERVICES = {"stores", "weights"}


def _named(heading: str) -> set[str]:
    """What the first column of the table under this heading names."""
    table = TEXT.split(f"| {heading} |")[1].split("\n\n")[0]
    return {
        name
        for line in table.splitlines()
        for name in re.findall(r"`(\w+)`", line.split("|")[1:2][0] if "|" in line else "")
    }


def test_its_program_runs(stores: Stores, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    anna = person(stores)
    anna.remember("Lives in Graz.")
    monkeypatch.setattr("warehouse.settings.get_settings", lambda: stores.settings)
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(program, {"user_id": str(anna.id)})  # noqa: S102 - our own document
    assert "Lives in Graz." in capsys.readouterr().out


def test_every_argument_and_every_field_is_named() -> None:
    assert _named("argument") == set(inspect.signature(recall).parameters) - NOT_FOR_SERVICES
    assert _named("of a hit") == {field.name for field in fields(Hit)}
