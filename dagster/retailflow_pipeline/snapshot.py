"""One consistent look at the source: every table as of the same instant, in Arrow record batches.

A refresh must not lose rows whose transaction began before it and commits after it. Timestamps cannot promise that;
transaction ids can. Every row carries `row_version`, the id of the transaction that wrote it. A refresh reads all
rows from its *window* on and keeps the snapshot's `xmin`, below which nothing was still in progress, as the start of
the next window. What was in progress has an id at or above it and is read next time; rows read twice are merged on
their key.
"""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from retailflow_pipeline.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from adbc_driver_postgresql import dbapi

SCHEMA = "production"
BATCH_BYTES = 8 * 1024 * 1024
"""Size of a record batch: large enough to amortise Python's share, small enough for memory not to matter."""

_BEGIN = "set transaction isolation level repeatable read, read only"
_DESCRIBE = """
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       (select system_identifier from pg_control_system())::text
           || '/' || (select oid from pg_database where datname = current_database()),
       clock_timestamp(),
       pg_export_snapshot()
"""


@dataclass(frozen=True)
class Window:
    """What a snapshot saw of the flow of transactions."""

    next_version: int
    """Where the next refresh has to start reading: the oldest transaction still in progress."""
    database: str
    """Identity of the database. Transaction ids of another one mean nothing here."""
    taken_at: datetime
    """When the snapshot was taken, by the server's clock."""


class Snapshot:
    """A read-only, repeatable-read transaction. Use as a context manager; connects on entry.

    The transaction exports its snapshot and each table is read through a connection of its own that adopts it, so
    that tables can be read side by side, in any order, and still show the same instant.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.window: Window

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            cursor = stack.enter_context(_connect(self._dsn))
            cursor.execute(_BEGIN)
            cursor.execute(_DESCRIBE)
            row = cursor.fetchone()
            assert row is not None, "a select without a from clause returns one row"
            next_version, database, taken_at, self._exported = row
            self.window = Window(next_version, database, taken_at)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def read(self, table: Table, since: int | None) -> "Iterator[pa.RecordBatch]":
        """Stream the table's rows, each with `row_version` and `is_deleted`.

        With `since`, only those written by transaction `since` or a later one, and the rows deleted since; without, the
        whole table as it is. A key occurs at most once. An empty result still yields one empty batch: it carries the
        schema.
        """
        with _connect(self._dsn) as cursor:
            cursor.execute(_BEGIN)
            cursor.execute(f"set transaction snapshot '{self._exported}'")
            cursor.execute(_query(table, since))
            reader = cursor.fetch_record_batch()
            schema = _schema(reader.schema, table)
            empty = True
            for batch in reader:
                empty = False
                yield _cast(batch, schema)
            if empty:
                yield _no_rows(schema)


@contextmanager
def _connect(dsn: str) -> "Iterator[dbapi.Cursor]":
    """A cursor in a transaction of its own, rolled back at the end."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        yield cursor


def _query(table: Table, since: int | None) -> str:
    """The table's SELECT. Names come from `TABLES` and `since` is an integer: nothing in it needs quoting."""
    # PostgreSQL writes a numeric as text in half the time the driver takes to do so.
    columns = ", ".join(f"{name}::text" if name in table.money else name for name in table.columns)
    if since is None:
        return f"select {columns}, row_version, false as is_deleted from {SCHEMA}.{table.name}"
    gone = ", ".join(f"(gone).{name}::text" if name in table.money else f"(gone).{name}" for name in table.columns)
    # A key that was deleted and then inserted again is alive; one that was deleted twice counts once.
    return f"""
        select {columns}, row_version, false as is_deleted
        from {SCHEMA}.{table.name} where row_version >= {since}
        union all
        select {gone}, row_version, true as is_deleted
        from (
            select distinct on (row_key)
                jsonb_populate_record(null::{SCHEMA}.{table.name}, row) as gone, row_version
            from {SCHEMA}.deleted_rows as tombstone
            where table_name = '{table.name}' and row_version >= {since}
              and not exists (select from {SCHEMA}.{table.name} where {table.key} = tombstone.row_key)
            order by row_key, row_version desc, deleted_at desc
        ) as tombstones
    """


def _schema(source: "pa.Schema", table: Table) -> "pa.Schema":
    """The schema of the batches: money as decimals, a key that is never null, no metadata of the driver."""
    import pyarrow as pa

    return pa.schema(
        pa.field(
            field.name,
            pa.decimal128(10, 2) if field.name in table.money else field.type,
            nullable=field.name != table.key,
        )
        for field in source
    )


def _cast(batch: "pa.RecordBatch", schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _no_rows(schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.array([], type=field.type) for field in schema], schema=schema)
