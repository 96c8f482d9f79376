"""Health of the platform itself: alerts that outlive a run's log, and what lies in quarantine."""

from typing import TYPE_CHECKING

from warehouse.lazy import lazily

if TYPE_CHECKING:
    from assets.operations.alerts import Alert, failure_alert, open_alerts, raise_alert
    from assets.operations.quarantine import bytes_of, listed, quarantined, replay

__all__ = ["Alert", "bytes_of", "failure_alert", "listed", "open_alerts", "quarantined", "raise_alert", "replay"]

__getattr__ = lazily(
    __name__,
    {
        **dict.fromkeys(("Alert", "failure_alert", "open_alerts", "raise_alert"), "alerts"),
        **dict.fromkeys(("bytes_of", "listed", "quarantined", "replay"), "quarantine"),
    },
)
