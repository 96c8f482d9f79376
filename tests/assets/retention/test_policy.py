"""The policy file: read, refused with the field that is wrong, and turned into calendar cut-offs."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from dagster import AssetsDefinition

from assets.retention import assets, cutoff
from assets.retention.assets import KEPT_BY, NOT_ENGRAMS
from assets.retention.policy import POLICY_FILE, Period, PolicyInvalid, load_policy, month_floor


def written(tmp_path: Path, old: str, new: str) -> Path:
    text = POLICY_FILE.read_text()
    assert old in text
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_policy_keeps_what_privacy_says() -> None:
    policy = load_policy()
    kept = {name: kind.keep for name, kind in policy.classes.items()}
    assert kept["conversations"] == Period(months=18)
    assert kept["memories"] == Period(months=12)
    assert kept["summaries"] == Period(months=36)
    assert kept["analytics"] == kept["audit"] == Period(months=84)
    assert kept["metrics"] == Period(days=31)
    assert kept["response_cache"] == Period(days=5)
    assert kept["orchestrator"] == Period(days=90)
    assert (kept["backups"], policy["backups"].at_least) == (Period(days=30), 3)
    assert kept["guidelines"] == Period(months=12)
    assert kept["safety_protocols"] == Period(months=6)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("keep: 18 months", "keep: 18 moons", "classes.conversations.keep"),
        ("keep: 18 months", "keep: 0 months", "classes.conversations.keep"),
        ("keep: 18 months", "keep: 18", "classes.conversations.keep"),
        ("then: archive", "then: burn", "classes.conversations.then"),
        ("[app.messages]", "[messages]", "classes.conversations.partitioned.0"),
        ("[app.messages]", '["app.messages; drop table x"]', "classes.conversations.partitioned.0"),
        ("partitioned: [ops.service_metrics]", "", "classes.metrics"),
        ("what: service metrics", "what: service metrics\n    keeep: 1 day", "classes.metrics.keeep"),
        ("  audit:", "  audits:", "audit missing"),
        ("version: 1", "version: 2", "version"),
        ("classes:", "classes: [", "not YAML, line"),
    ],
)
def test_a_wrong_policy_names_the_field(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=says.replace(".", r"\.")):
        load_policy(written(tmp_path, old, new))


def test_a_missing_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("now", "months", "expected"),
    [
        ("2026-08-31", 18, "2025-02-28"),
        ("2029-08-31", 18, "2028-02-29"),
        ("2028-02-29", 12, "2027-02-28"),
        ("2028-02-29", 48, "2024-02-29"),
        ("2026-03-31", 1, "2026-02-28"),
        ("2026-01-31", 1, "2025-12-31"),
        ("2026-05-31", 6, "2025-11-30"),
        ("2026-01-01", 84, "2019-01-01"),
        ("2100-03-31", 1, "2100-02-28"),
    ],
)
def test_f25_months_are_calendar_months_at_their_ends_and_in_leap_years(now: str, months: int, expected: str) -> None:
    moment = datetime.fromisoformat(f"{now}T02:30:00+00:00")
    assert Period(months=months).before(moment) == datetime.fromisoformat(f"{expected}T02:30:00+00:00")


def test_a_cutoff_is_utc_whatever_zone_the_clock_is_in() -> None:
    tokyo = datetime(2026, 12, 1, 5, tzinfo=timezone(timedelta(hours=9)))
    assert cutoff("conversations", tokyo) == datetime(2025, 5, 30, 20, tzinfo=UTC)
    assert month_floor(tokyo) == datetime(2026, 11, 1, tzinfo=UTC)


def test_a_naive_clock_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        cutoff("conversations", datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_class_without_a_period_has_no_cutoff() -> None:
    with pytest.raises(KeyError):
        cutoff("keys", datetime(2026, 1, 1, tzinfo=UTC))


def test_every_class_is_kept_by_an_asset_or_said_to_be_somebody_elses() -> None:
    classes = set(load_policy().classes)
    assert classes == set(KEPT_BY) | set(NOT_ENGRAMS)
    assert not set(KEPT_BY) & set(NOT_ENGRAMS)
    named = {name.strip() for names in KEPT_BY.values() for name in names.split(",")}
    declared = {thing.key.path[-1] for thing in vars(assets).values() if isinstance(thing, AssetsDefinition)}
    assert named <= declared
    assert "backups" in NOT_ENGRAMS
