"""What the platform keeps true: a folder per domain, with its Dagster assets and checks and the plain logic behind."""
