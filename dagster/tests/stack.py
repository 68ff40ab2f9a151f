"""One stack under test: a source database, a warehouse, and ways to load, refresh and look."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from dagster import DagsterInstance, ExecuteInProcessResult

from retailflow_pipeline.extract import build_pipeline, shop_now
from retailflow_pipeline.graph import definitions
from retailflow_pipeline.settings import Settings
from retailflow_pipeline.tables import TABLES, Table
from retailflow_pipeline.warehouse import reading
from tests.postgres import Server

PROJECT = Path(__file__).parent.parent
Rows = list[tuple[Any, ...]]


@dataclass
class Stack:
    """A stack in a folder of its own."""

    server: Server
    database: str
    folder: Path

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "RETAILFLOW_SOURCE_DSN": self.server.dsn(self.database),
            "RETAILFLOW_WAREHOUSE": str(self.folder / "warehouse" / "shop.duckdb"),
            "RETAILFLOW_DBT_PROJECT": str(self.folder / "dbt"),
            "RETAILFLOW_CHARTS": str(self.folder / "charts.json"),
            "RETAILFLOW_DLT_DIR": str(self.folder / "warehouse" / "dlt"),
            "RETAILFLOW_REFRESH_MINUTES": "0",
            "DAGSTER_HOME": str(self.folder / "dagster"),
        }

    @cached_property
    def source(self) -> psycopg.Connection:
        """A connection to the shop, each statement a transaction."""
        return self.server.connect(self.database)

    @cached_property
    def instance(self) -> DagsterInstance:
        return DagsterInstance.local_temp(str(self.folder / "dagster"), overrides={"telemetry": {"enabled": False}})

    def fill(self, first_order: int, orders: int, days: int = 30, since: str = "2026-01-01") -> None:
        """Write orders, their lines and customers, in one transaction."""
        self.source.execute(
            "select production.fill(%s, %s, %s, make_interval(days => %s))", (first_order, orders, since, days)
        )

    def load(self) -> None:
        """Extract and load, without Dagster."""
        self.settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
        pipeline = build_pipeline(self.settings.warehouse, self.settings.dlt_dir)
        pipeline.drop()
        with shop_now(self.settings.source_dsn, self.settings.dlt_dir) as source:
            pipeline.run(source).raise_on_failed_jobs()

    def start_load(self) -> subprocess.Popen[bytes]:
        """The same, in a process that can be killed."""
        code = "from tests.stack import Stack; Stack.load_from_environment()"
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(PROJECT)}
        return subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=self.folder)

    @staticmethod
    def load_from_environment() -> None:
        settings = Settings.from_environment()
        pipeline = build_pipeline(settings.warehouse, settings.dlt_dir)
        pipeline.drop()
        with shop_now(settings.source_dsn, settings.dlt_dir) as source:
            pipeline.run(source).raise_on_failed_jobs()

    def refresh(self, job: str = "refresh", *, expect_success: bool = True) -> ExecuteInProcessResult:
        """Run a job of the pipeline through Dagster."""
        self.settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
        chosen = definitions(self.settings).resolve_job_def(job)
        result = chosen.execute_in_process(instance=self.instance, raise_on_error=expect_success)
        assert result.success == expect_success
        return result

    @contextmanager
    def holding_reads(self) -> Iterator[None]:
        """Loads that read the orders meanwhile wait, until the end of the block."""
        with self.server.connect(self.database) as holder, holder.transaction():
            holder.execute("lock table production.orders in access exclusive mode")
            yield

    def ask_source(self, query: str) -> Rows:
        return self.source.execute(query).fetchall()

    def ask_warehouse(self, query: str) -> Rows:
        with reading(self.settings.warehouse) as connection:
            return connection.execute(query).fetchall()

    def raw(self, table: Table, columns: str, where: str = "true") -> Rows:
        return self.ask_warehouse(f"select {columns} from raw.{table.name} where {where} order by {table.key}")

    def assert_raw_is_the_source(self) -> None:
        """Every table of the schema `raw`, without what is marked deleted, is the source: same rows, same values."""
        for table in TABLES:
            columns = ", ".join((*table.columns, "row_version"))
            expected = self.ask_source(f"select {columns} from production.{table.name} order by {table.key}")
            assert self.raw(table, columns, "not is_deleted") == expected, table.name

    def raw_rows(self) -> int:
        """Rows of all tables of the schema `raw`, deleted ones included."""
        return sum(self.ask_warehouse(f"select count(*) from raw.{table.name}")[0][0] for table in TABLES)

    def close(self) -> None:
        self.source.close()
        shutil.rmtree(self.folder, ignore_errors=True)
