"""Where the code location is: its module, its folder and the name it has in the UI."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULE = "pipelines.definitions"
LOCATION = "engram"
