"""Tests of the schema domain."""
