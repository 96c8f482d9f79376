"""The live schema: migrations applied, partitions ahead, the database compared with the model."""
