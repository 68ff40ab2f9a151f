"""Extract and load: the dlt source and the pipeline that merges it into the warehouse's schema `raw`.

dlt's state carries each table's cursor. It is written by the same load as the rows and counts only once that load is
complete, so that a refresh that dies anywhere is simply done again: a first load replaces what it left, a later one
merges the same window on the key.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dlt
from dlt.extract.resource import DltResource

from retailflow_pipeline.snapshot import Snapshot, Window
from retailflow_pipeline.tables import TABLES, Table

if TYPE_CHECKING:
    import pyarrow as pa

PIPELINE = "retailflow"
DATASET = "raw"
LAST_REFRESH = "last_refresh"

# A first load needs no merge and takes no longer than a bare copy; replacing also clears the remains of one that was
# killed. Later loads are unique by key already, so dlt need not look for duplicates.
_REPLACE = dlt.mark.make_hints(write_disposition="replace")
_MERGE = dlt.mark.make_hints(
    write_disposition={"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
)
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


def _configure() -> None:
    """Settings of dlt that have no place in its API. Values, not files: the pipeline has no folder of its own."""
    # Rows pass as Arrow from the driver to DuckDB; a column of dlt's own would make it rewrite every file.
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = False
    dlt.config["normalize.parquet_normalizer.add_dlt_id"] = False
    # One file per table, uncompressed and in large row groups: it is read once, by the next step, and then removed.
    dlt.config["data_writer.compression"] = "none"
    dlt.config["data_writer.row_group_size"] = 250_000
    dlt.config["data_writer.buffer_max_items"] = 250_000
    dlt.config["normalize.workers"] = 1
    dlt.config["load.workers"] = 1
    dlt.config["load.delete_completed_jobs"] = True
    dlt.config["runtime.dlthub_telemetry"] = False


@dlt.source(name="shop", max_table_nesting=0)
def shop(snapshot: Snapshot) -> Iterator[DltResource]:
    """Every table of the shop as of `snapshot`, which may be opened later but before the first row is asked for."""
    for table in TABLES:
        yield dlt.resource(_rows(table, snapshot), name=table.name, primary_key=table.key)
    yield dlt.resource(_last_refresh(snapshot), name=LAST_REFRESH, write_disposition="replace")


def _rows(table: Table, snapshot: Snapshot) -> "Iterator[pa.Table]":
    state = dlt.current.resource_state(table.name)
    since = _since(state, snapshot.window)
    loaded_at = _loaded_at(dlt.current.source_state(), snapshot.window)
    disposition = _REPLACE if since is None else _MERGE
    for batch in snapshot.read(table, since):
        # An empty first load still makes the table.
        if batch.num_rows or since is None:
            yield dlt.mark.with_hints(_stamp(batch, loaded_at), disposition)
    state.update(cursor=snapshot.window.next_version, database=snapshot.window.database)


def _last_refresh(snapshot: Snapshot) -> "Iterator[pa.Table]":
    """One row about the refresh itself: a refresh that found nothing new is news too."""
    import pyarrow as pa

    instant = pa.timestamp("us", tz="UTC")
    yield pa.table(
        {
            "loaded_at": pa.array([_loaded_at(dlt.current.source_state(), snapshot.window)], instant),
            "extracted_at": pa.array([snapshot.window.taken_at], instant),
        }
    )


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


def _stamp(batch: "pa.RecordBatch", loaded_at: datetime) -> "pa.Table":
    import pyarrow as pa

    stamp = pa.repeat(pa.scalar(loaded_at, pa.timestamp("us", tz="UTC")), batch.num_rows)
    return pa.Table.from_batches([batch]).append_column("loaded_at", stamp)
