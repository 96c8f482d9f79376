"""How and when things run: the code location, jobs, schedules, sensors and the command line."""

import warnings

# Dagster warns once per asset for parts it calls beta; the lock file pins the version they were tried with.
warnings.filterwarnings("ignore", message=r".* is currently in (beta|preview)")
