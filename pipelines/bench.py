"""`engram bench`: run a measuring program of `benchmarks/`; it makes and removes its own home where it needs one."""

import subprocess
import sys
from collections.abc import Sequence

from pipelines.location import ROOT

FOLDER = ROOT / "benchmarks"
PARTS_OF_OTHERS = {"__init__", "night_parts", "marts_parts", "recall_latency_chroma"}


def programs() -> list[str]:
    """Names of the programs."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in PARTS_OF_OTHERS)


def run_program(name: str, arguments: Sequence[str]) -> int:
    """Run one with its own arguments; returns its exit status.

    Raises:
        LookupError: there is none of that name here.
    """
    known = programs()
    if name not in known:
        raise LookupError(f"bench: expected one of {', '.join(known) or 'none (not a source checkout)'}")
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], cwd=ROOT, check=False).returncode
