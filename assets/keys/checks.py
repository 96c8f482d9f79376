"""Checks of the keys: nothing is left under an older key, and the master key in force opens them all. Counts only.

Does not live here: the counting (`rekey.py`, `warehouse/vault.py`).
"""

from dagster import AssetCheckResult, AssetCheckSeverity, AssetKey, asset_check

from assets.resources import StoresResource

KEYS = AssetKey(["keys", "data_keys"])


@asset_check(
    asset=KEYS,
    name="nothing_under_old_keys",
    description="No row is under a key that is not its user's newest, and no such key is left.",
)
def nothing_under_old_keys(stores: StoresResource) -> AssetCheckResult:
    """Count rows and users; an unfinished rotation is finished by the next run."""
    from assets.keys.rekey import left

    rows, users = left(stores.open())
    return AssetCheckResult(
        passed=not rows and not users, severity=AssetCheckSeverity.WARN, metadata={"rows": rows, "users": users}
    )


@asset_check(
    asset=KEYS,
    name="master_key_opens_all",
    description="Every living key opens with the master key in force.",
)
def master_key_opens_all(stores: StoresResource) -> AssetCheckResult:
    """Count the keys that do not open: their texts are lost unless the right master key is found."""
    from warehouse.stores import Stores

    foreign = Stores(stores.open().settings).vault.foreign()
    return AssetCheckResult(passed=not foreign, severity=AssetCheckSeverity.ERROR, metadata={"keys": foreign})
