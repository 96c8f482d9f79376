"""Alerts: one row in `ops.alerts` per thing a person should look at.

An alert names the job, run and step and the class of the error. It never carries the error's own words: an exception
may quote private text.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    import polars as pl

    from warehouse.live import Live

Severity = Literal["info", "warning", "error", "critical"]


@dataclass(frozen=True)
class Alert:
    """What happened: `severity`, the raising `source`, and where it was."""

    severity: Severity
    source: str
    message: str
    job: str | None = None
    run_id: str | None = None
    step: str | None = None


def failure_alert(job: str, run_id: str, steps: tuple[str, ...]) -> Alert:
    """The one alert of a failed run, whoever notices the failure first."""
    return Alert(
        severity="error",
        source="dagster",
        message=f"Run of {job} failed",
        job=job,
        run_id=run_id,
        step=", ".join(sorted(steps)) or None,
    )


def raise_alert(live: "Live", alert: Alert, *, now: datetime) -> None:
    """Write the alert once: the same run, step and message raise one row however often it is called.

    Args:
        live: Postgres.
        alert: what to write.
        now: aware UTC time the alert is raised at.
    """
    identity = uuid5(
        NAMESPACE_URL, f"engram:alert:{alert.source}:{alert.job}:{alert.run_id}:{alert.step}:{alert.message}"
    )
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO ops.alerts (id, raised_at, severity, source, job, run_id, step, message)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
            (identity, now, alert.severity, alert.source, alert.job, alert.run_id, alert.step, alert.message),
        )


def open_alerts(live: "Live") -> "pl.DataFrame":
    """Alerts nobody has acknowledged, newest first: `raised_at, severity, source, job, run_id, step, message`."""
    return live.read(
        "SELECT raised_at, severity, source, job, run_id, step, message FROM ops.alerts"
        " WHERE acknowledged_at IS NULL ORDER BY raised_at DESC"
    )
