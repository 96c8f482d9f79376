"""What the platform keeps true: one folder per domain, its Dagster assets and checks, and the plain logic behind them."""
