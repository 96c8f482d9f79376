"""Health of the platform itself: alerts that outlive a run's log, and what lies in quarantine."""

from assets.operations.alerts import Alert, failure_alert, open_alerts, raise_alert
from assets.operations.quarantine import quarantined

__all__ = ["Alert", "failure_alert", "open_alerts", "quarantined", "raise_alert"]
