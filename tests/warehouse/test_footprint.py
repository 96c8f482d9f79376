"""What a run asks of the process it runs in, and that it leaves the process as it was."""

import gc
import os
import subprocess
import sys

import pytest

from warehouse.footprint import BORN, VARIABLES, collector_at_rest


def test_the_collector_is_as_before_after_a_run_that_failed() -> None:
    before = (gc.get_threshold(), gc.get_freeze_count())

    def fail() -> None:
        with collector_at_rest():
            during.extend([gc.get_threshold()[0], gc.get_freeze_count()])
            raise ZeroDivisionError

    during: list[int] = []
    with pytest.raises(ZeroDivisionError):
        fail()

    assert during[0] == BORN
    assert during[1] > before[1]
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_freed_goes_back_to_the_kernel_when_asked() -> None:
    program = """
import resource
from pathlib import Path
from warehouse.footprint import give_back, small_footprint

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

small_footprint()
kept = [b"x" * 2**20 for _ in range(200)]
barrier = bytes(2**20)
del kept
before = held()
give_back()
print(before - held())
"""
    plain = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run([sys.executable, "-c", program], env=plain, capture_output=True, text=True, check=True)

    assert float(done.stdout) > 150
