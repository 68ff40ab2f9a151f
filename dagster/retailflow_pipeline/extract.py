"""Extract and load: the dlt source and the pipeline that merges it into the warehouse's schema `raw`.

The tables are read side by side, each part by a thread into a file, which dlt imports as it is: passed through dlt
batch by batch, rows would be read and written by turns and take half as long again.

dlt's state carries each table's cursor. It is written by the same load as the rows and counts only once that load is
complete, so that a refresh that dies anywhere is simply done again: a first load replaces what it left, a later one
merges the same window on the key.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dlt
from dlt.common.schema.typing import TMergeDispositionDict, TWriteDispositionConfig
from dlt.extract.resource import DltResource
from dlt.extract.source import DltSource

from retailflow_pipeline.rows_file import write_rows
from retailflow_pipeline.snapshot import Part, Snapshot, Window
from retailflow_pipeline.tables import TABLES, Table

if TYPE_CHECKING:
    import pyarrow as pa

PIPELINE = "retailflow"
SOURCE = "shop"
DATASET = "raw"
LAST_REFRESH = "last_refresh"

# A first load needs no merge and takes no longer than a bare copy; replacing also clears the remains of one that was
# killed. Later loads are unique by key already, so dlt need not look for duplicates.
_REPLACE: TWriteDispositionConfig = "replace"
_MERGE: TMergeDispositionDict = {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
_TICK = timedelta(microseconds=1)


def build_pipeline(warehouse: Path, directory: Path) -> dlt.Pipeline:
    """The pipeline into `warehouse`, with its working files under `directory`. Opens neither."""
    _configure()
    return dlt.pipeline(
        pipeline_name=PIPELINE,
        pipelines_dir=str(directory),
        destination=dlt.destinations.duckdb(str(warehouse)),
        dataset_name=DATASET,
        progress=None,
    )


def loaded(pipeline: dlt.Pipeline, database: str) -> dict[str, int]:
    """Of each table, the version from which on the next load reads; nothing if another database was read last."""
    resources = pipeline.state.get("sources", {}).get(SOURCE, {}).get("resources", {})
    return {name: state["cursor"] for name, state in resources.items() if state.get("database") == database}


def _configure() -> None:
    """Settings of dlt that have no place in its API. Values, not files: the pipeline has no folder of its own."""
    # Rows pass as Arrow from the driver to DuckDB; a column of dlt's own would make it rewrite every file.
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = False
    dlt.config["normalize.parquet_normalizer.add_dlt_id"] = False
    dlt.config["normalize.workers"] = 1
    dlt.config["load.workers"] = 2
    dlt.config["load.delete_completed_jobs"] = True
    dlt.config["runtime.dlthub_telemetry"] = False
    # An interrupt is for Dagster, which raises it at once. dlt would note it down, look at it where it pleases and
    # forget it at the end of a step: a run that was to be ended in the last part of its load then went on.
    dlt.config["runtime.intercept_signals"] = False


@contextmanager
def shop_now(dsn: str, directory: Path) -> Iterator[DltSource]:
    """The source `shop` for one load, as the database is on entry, with files under `directory` until the exit."""
    # A load that was killed leaves its files to the next one.
    spool = directory / "spool"
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir(parents=True)
    try:
        with Snapshot(dsn) as snapshot:
            yield shop(snapshot, spool)
    finally:
        shutil.rmtree(spool, ignore_errors=True)


@dlt.source(name=SOURCE, max_table_nesting=0)
def shop(snapshot: Snapshot, spool: Path) -> Iterator[DltResource]:
    """Every table of the shop as of `snapshot`, which may be opened later but before the first row is asked for."""
    for table in TABLES:
        yield dlt.resource(_rows(table, snapshot, spool), name=table.name, primary_key=table.key)
    yield dlt.resource(_last_refresh(snapshot), name=LAST_REFRESH, write_disposition="replace")


def _rows(table: Table, snapshot: Snapshot, spool: Path) -> Iterator[object]:
    """One item for each part of the table: the file with its rows."""
    state = dlt.current.resource_state(table.name)
    since = _since(state, snapshot.window)
    loaded_at = _loaded_at(dlt.current.source_state(), snapshot.window)
    for number, part in enumerate(snapshot.parts(table, since)):
        yield _copy(snapshot, part, spool / f"{table.name}.{number}.parquet", loaded_at)
    state.update(cursor=snapshot.window.next_version, database=snapshot.window.database)


@dlt.defer
def _copy(snapshot: Snapshot, part: Part, path: Path, loaded_at: datetime) -> object:
    """Read the part into a file; dlt calls this in one of its threads. None if there is nothing new to load.

    A part of a first load is loaded even if it is empty: it still makes the table.
    """
    from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns

    rows, schema = write_rows(path, snapshot.read(part), loaded_at)
    if not rows and part.since is not None:
        return None
    disposition = _REPLACE if part.since is None else _MERGE
    hints = dlt.mark.make_hints(columns=py_arrow_to_table_schema_columns(schema), write_disposition=disposition)
    return dlt.mark.with_file_import(str(path), "parquet", rows, hints)


def _last_refresh(snapshot: Snapshot) -> Iterator[object]:
    """One row about the refresh itself: a refresh that found nothing new is news too."""
    yield _describe(snapshot, _loaded_at(dlt.current.source_state(), snapshot.window))


@dlt.defer
def _describe(snapshot: Snapshot, loaded_at: datetime) -> "pa.Table":
    """The row: when the shop was read, the `loaded_at` of the rows read then, and the shop's totals."""
    import pyarrow as pa

    instant = pa.timestamp("us", tz="UTC")
    times = {"loaded_at": loaded_at, "extracted_at": snapshot.window.taken_at}
    row = snapshot.totals()
    for name, time in times.items():
        row = row.append_column(name, pa.array([time], instant))
    return row


def _since(state: dict[str, object], window: Window) -> int | None:
    """Where to read on; None to read all: on the first load, and when the database is not the one read before."""
    cursor = state.get("cursor")
    same = state.get("database") == window.database
    return cursor if isinstance(cursor, int) and same and cursor <= window.next_version else None


def _loaded_at(state: dict[str, str], window: Window) -> datetime:
    """The refresh's own time: one for all its tables, and later than every earlier one even if the clock went back."""
    if state.get("extracted_at") != window.taken_at.isoformat():
        earlier = datetime.fromisoformat(state.get("loaded_at", "1970-01-01T00:00:00+00:00"))
        state["loaded_at"] = max(datetime.now(UTC), earlier + _TICK).isoformat()
        state["extracted_at"] = window.taken_at.isoformat()
    return datetime.fromisoformat(state["loaded_at"])
