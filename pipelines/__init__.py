"""How and when things run: the code location, jobs, schedules, sensors and the command line."""
