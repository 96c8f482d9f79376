"""Health of the platform itself: alerts that outlive a run's log."""

from assets.operations.alerts import Alert, open_alerts, raise_alert

__all__ = ["Alert", "open_alerts", "raise_alert"]
