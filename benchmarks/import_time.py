"""How much the code location costs over Dagster itself, and which packages it brings in.

    python -m benchmarks.import_time [--rounds N] [--most RATIO] [--json]

Fresh interpreters, `import dagster` and `import pipelines.definitions` in turn, so a busy moment hits both. Seconds
are CPU seconds of the import alone: wall time on a shared machine measures the neighbours. `ratio` is the median of the
pairs' ratios. `extra` lists packages that only the code location loads, by their own milliseconds (`-X importtime`),
each with the module of this project that asked for it. Exit status 1 when `ratio` is above `--most`.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
BASE, LOCATION = "dagster", "pipelines.definitions"
OURS = {"pipelines", "assets", "warehouse", "migrations"}
TIMED = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")
SHOWN = 15


def seconds(module: str) -> float:
    """CPU seconds of importing `module` in a fresh interpreter."""
    command = [sys.executable, "-c", TIMED.format(module)]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def loaded(module: str) -> list[tuple[str, int, int]]:
    """Every module that importing `module` loads, in order of completion: name, own microseconds, depth."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    report = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    return [
        (match[4], int(match[1]), len(match[3]) // 2) for line in report.splitlines() if (match := LINE.match(line))
    ]


def extra() -> list[dict[str, Any]]:
    """`package, milliseconds, modules, imported_by` of what the code location loads beyond Dagster, slowest first."""
    common = {name for name, _, _ in loaded(BASE)}
    packages: dict[str, dict[str, Any]] = {}
    above: list[tuple[str, int]] = []
    for name, own, depth in reversed(loaded(LOCATION)):  # a parent is written after its children
        while above and above[-1][1] >= depth:
            above.pop()
        if name not in common:
            package = name.split(".")[0]
            asker = next((parent for parent, _ in reversed(above) if parent.split(".")[0] in OURS), LOCATION)
            entry = packages.setdefault(package, {"package": package, "milliseconds": 0.0, "modules": 0})
            entry["milliseconds"] += own / 1000
            entry["modules"] += 1
            entry["imported_by"] = asker if package not in OURS else package
        above.append((name, depth))
    ordered = sorted(packages.values(), key=lambda entry: -entry["milliseconds"])
    return [{**entry, "milliseconds": round(entry["milliseconds"], 1)} for entry in ordered]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=float, default=1.5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    seconds(LOCATION)  # byte code and page cache
    pairs = [(seconds(BASE), seconds(LOCATION)) for _ in range(asked.rounds)]
    packages = extra()
    result: dict[str, Any] = {
        "dagster_seconds": round(median(base for base, _ in pairs), 3),
        "location_seconds": round(median(location for _, location in pairs), 3),
        "ratio": round(median(location / base for base, location in pairs), 2),
        "most": asked.most,
        "rounds": asked.rounds,
        "extra": packages[:SHOWN],
    }
    if asked.json:
        print(json.dumps(result))
    else:
        print("import dagster {dagster_seconds} s, code location {location_seconds} s, ratio {ratio}".format(**result))
        for entry in result["extra"]:
            print("  {milliseconds:8.1f} ms {modules:4d} modules  {package:28s} {imported_by}".format(**entry))
    sys.exit(int(result["ratio"] > asked.most))


if __name__ == "__main__":
    main()
