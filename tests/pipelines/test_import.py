"""What loading the code location costs: the UI does it at every start and every reload."""

import subprocess
import sys

HEAVY = ("polars", "duckdb", "pandas", "numpy", "lancedb", "great_expectations", "wordllama", "sqlalchemy", "redis")


def test_loading_the_code_location_imports_no_store_client_and_no_dataframe_library() -> None:
    script = (
        "import dagster, sys; before = set(sys.modules); import pipelines.definitions;"
        f" print([name for name in {HEAVY!r} if name in set(sys.modules) - before])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
