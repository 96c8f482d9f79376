"""Real public text goes in whole; skipped where no folder of the data sets is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assets.intake import load
from warehouse.stores import Stores

DATA = os.environ.get("ENGRAM_TEST_DATA")

pytestmark = pytest.mark.skipif(DATA is None, reason="ENGRAM_TEST_DATA is not set")


@pytest.mark.parametrize("name", ["memorybank", "locomo_dev", "lemotif"])
def test_a_public_set_loads_without_a_refused_line_and_twice_adds_nothing(
    stores: Stores, tmp_path: Path, name: str
) -> None:
    lines = tmp_path / f"{name}.jsonl"
    with lines.open("wb") as out:
        subprocess.run([sys.executable, "-m", "benchmarks.convert", name, f"{DATA}/{name}"], stdout=out, check=True)
    load(stores, [str(lines)], assume_consent=True)
    counts = "SELECT (SELECT count(*) FROM app.messages) AS said, (SELECT count(*) FROM journal.entries) AS written"
    first = stores.live.read(counts).row(0)
    assert sum(first) > 1_000
    load(stores, [str(lines)], assume_consent=True)
    assert stores.live.read(counts).row(0) == first
    assert stores.live.read("SELECT count(*) FROM ops.quarantine").item() == 0
