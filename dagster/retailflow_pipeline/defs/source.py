"""The shop's tables: assets that the pipeline reads and does not make."""

from dagster import AssetKey, AssetSpec

from retailflow_pipeline.snapshot import SCHEMA
from retailflow_pipeline.tables import TABLES


def source_key(table: str) -> AssetKey:
    """The asset key of a table of the shop."""
    return AssetKey([SCHEMA, table])


def source_specs() -> list[AssetSpec]:
    """One external asset per source table."""
    return [
        AssetSpec(key=source_key(table.name), description=table.description, group_name="shop", kinds={"postgres"})
        for table in TABLES
    ]
