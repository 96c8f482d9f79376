"""The retention policy: read, checked, and turned into one set of cut-offs per run.

Lives here: `policy.yaml` as a model and calendar arithmetic. Does not live here: anything that removes something.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from warehouse.yaml_files import read_yaml

POLICY_FILE = Path(__file__).with_name("policy.yaml")
REQUIRED = (
    "conversations",
    "metrics",
    "memories",
    "summaries",
    "response_cache",
    "quarantine",
    "analytics",
    "audit",
    "keys",
    "backups",
    "orchestrator",
)
_PERIOD = re.compile(r"([1-9][0-9]{0,3}) (day|month|year)s?")
_TABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}")


class PolicyInvalid(ValueError):
    """The policy file cannot be used; the message names each field and what it expected."""


@dataclass(frozen=True)
class Period:
    """A span of calendar months, or of days."""

    months: int = 0
    days: int = 0

    def before(self, moment: datetime) -> datetime:
        """The moment one period earlier; a day the earlier month does not have becomes its last day.

        Raises:
            ValueError: `moment` has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError("moment: expected a time zone, got a naive time")
        moment = moment.astimezone(UTC)
        count = moment.year * 12 + moment.month - 1 - self.months
        year, month = divmod(count, 12)
        day = min(moment.day, monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day) - timedelta(days=self.days)


def _period(value: Any) -> Any:
    if value is None or isinstance(value, Period):
        return value
    found = _PERIOD.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('expected a period such as "18 months", "31 days" or "7 years"')
    number, unit = int(found[1]), found[2]
    return Period(days=number) if unit == "day" else Period(months=number * (12 if unit == "year" else 1))


def _table(value: Any) -> Any:
    if not isinstance(value, str) or not _TABLE.fullmatch(value):
        raise ValueError("expected schema.table in lower case")
    return value


class RetentionClass(BaseModel):
    """One class of data: how long, and what then."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

    what: str = Field(min_length=1, description="What belongs to it, for people.")
    keep: Annotated[Period | None, BeforeValidator(_period)] = Field(description="How long; null where each part says.")
    then: Literal["archive", "drop", "delete", "flag", "repair"] = Field(description="What happens to what is older.")
    partitioned: list[Annotated[str, BeforeValidator(_table)]] = Field(
        default_factory=list, description="Tables of the class that go by whole month partitions."
    )
    rolled_up_in: str | None = Field(None, description="The mart that must hold a partition's days before it goes.")
    plain: list[str] = Field(default_factory=list, description="Text columns an archive does not seal per user.")
    at_least: int = Field(0, ge=0, description="How many are kept whatever their age.")

    @model_validator(mode="after")
    def _whole(self) -> "RetentionClass":
        if self.then != "repair" and self.keep is None:
            raise ValueError("keep: a period is needed for everything but `repair`")
        if (self.then in {"archive", "drop"}) != bool(self.partitioned):
            raise ValueError("partitioned: `archive` and `drop` need partitioned tables, and only they have any")
        return self


class Policy(BaseModel):
    """Every class, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    classes: dict[str, RetentionClass]

    @model_validator(mode="after")
    def _complete(self) -> "Policy":
        missing = [name for name in REQUIRED if name not in self.classes]
        if missing:
            raise ValueError(f"classes: {', '.join(missing)} missing")
        return self

    def __getitem__(self, name: str) -> RetentionClass:
        return self.classes[name]

    def cutoff(self, name: str, now: datetime) -> datetime:
        """What of class `name` is older than this has expired. Take `now` once per run, and pass it on.

        Raises:
            KeyError: no such class, or one without a period.
        """
        keep = self.classes[name].keep
        if keep is None:
            raise KeyError(f"class {name}: has no period")
        return keep.before(now)


def month_floor(moment: datetime) -> datetime:
    """Start of the UTC month; partitions go by whole months, so rows stay up to a month beyond the exact cut-off."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def load_policy(path: Path = POLICY_FILE) -> Policy:
    """The policy of a file.

    Raises:
        PolicyInvalid: not there, not YAML, or not a policy; says which field expected what.
    """
    try:
        return Policy.model_validate(read_yaml(path))
    except OSError as error:
        raise PolicyInvalid(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise PolicyInvalid(f"{path}: not YAML{f', line {mark.line + 1}' if mark else ''}") from error
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'policy'}: {problem['msg']}" for problem in error.errors()
        )
        raise PolicyInvalid(f"{path}: {found}") from error
