"""The errors a person can cause or mend, and how to say them in one line.

Anything else is a defect and keeps its traceback, which holds code and no values.
"""

from pydantic import ValidationError

from assets.memory import EmbeddingFailed
from warehouse.embedded import ServerFailed
from warehouse.live import LiveError
from warehouse.live.login import UnsafeLogin
from warehouse.master_key import VaultError
from warehouse.shortterm import ShortTermRefused, ShortTermUnavailable, SourceLost

EXPECTED = (
    LookupError,
    ValueError,
    FileNotFoundError,
    PermissionError,
    ServerFailed,
    LiveError,
    UnsafeLogin,
    ShortTermUnavailable,
    ShortTermRefused,
    SourceLost,
    EmbeddingFailed,
    VaultError,
    ValidationError,
)


NOT_MIGRATED = frozenset({"22023", "3F000", "42P01", "42703"})
"""What Postgres says of a role, schema, table or column that no migration has made yet."""


def explain(error: BaseException) -> str:
    """One line per fault; a validation error names its fields and what they take, never the value given."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False)
        )
    if isinstance(error, LiveError) and error.sqlstate in NOT_MIGRATED:
        return f"{error}: this database has no tables of engram yet, or older ones; `engram run schema` makes them"
    if isinstance(error, FileNotFoundError):
        return f"no such file: {error.filename}"
    return str(error)
