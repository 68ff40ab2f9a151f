"""RetailFlow's pipeline: PostgreSQL → dlt → DuckDB → dbt → charts, run by Dagster.

Importing this package is cheap on purpose: what takes long to import (dlt, dbt, DuckDB, ADBC) is imported where it
is first used, because Dagster loads the definitions anew in every process it starts.
"""
