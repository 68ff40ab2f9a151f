"""Tests of the pipeline, against real PostgreSQL, dlt, DuckDB, dbt and Dagster."""
