"""Where the data lives: settings, the four stores, the embedded servers.

Imports neither `assets` nor `pipelines`, nor dagster.
"""
