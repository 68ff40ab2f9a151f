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
from typing import TYPE_CHECKING, Any, Self

from retailflow_pipeline.tables import TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa
    from adbc_driver_postgresql import dbapi

SCHEMA = "production"
BATCH_BYTES = 16 * 1024 * 1024
"""Size of a record batch: large enough to amortise Python's share, small enough for memory not to matter."""

PART_PAGES = 8_192
"""Pages of a table (64 MB) from which on it is read by one more connection, up to `MOST_PARTS`."""

MOST_PARTS = 4
"""One connection keeps less than one core busy: while it waits for the server, the server waits for it."""

_BEGIN = "set transaction isolation level repeatable read, read only"
_IDENTITY = """
(select system_identifier from pg_control_system())::text
    || '/' || (select oid from pg_database where datname = current_database())
"""
_DESCRIBE = f"""
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       {_IDENTITY},
       clock_timestamp(),
       pg_export_snapshot()
"""


_TOTALS = f"""
select (select count(*) from {SCHEMA}.customers) as customers,
       (select count(*) from {SCHEMA}.products) as products,
       (select count(*) from {SCHEMA}.orders) as orders,
       (select count(*) from {SCHEMA}.generator_ticks) as generator_ticks,
       lines.*
from (
    select count(*) as order_items,
           coalesce(sum(quantity), 0)::bigint as quantity,
           (coalesce(sum(quantity * unit_price), 0) * 100)::bigint as gross_cents,
           (coalesce(sum(discount), 0) * 100)::bigint as discount_cents
    from {SCHEMA}.order_items
) as lines
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


@dataclass(frozen=True)
class Part:
    """What one connection reads of a table: the rows on the pages from `first` up to `end`."""

    table: Table
    since: int | None
    """Only rows written by this transaction or a later one, and the rows deleted since; None for all there are."""
    first: int = 0
    end: int | None = None
    """None for all further ones."""


class Snapshot:
    """A read-only, repeatable-read transaction. Use as a context manager; connects on entry.

    The transaction exports its snapshot and each part of a table is read through a connection of its own that adopts
    it, so that parts can be read side by side, in any order, and still show the same instant.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.window: Window

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._cursor = stack.enter_context(_connect(self._dsn))
            self._cursor.execute(_BEGIN)
            next_version, database, taken_at, self._exported = self._ask(_DESCRIBE)
            self.window = Window(next_version, database, taken_at)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def parts(self, table: Table, since: int | None) -> list[Part]:
        """The parts to read the table in, side by side if it is large. What came `since` is one part."""
        if since is not None:
            return [Part(table, since)]
        size = f"pg_relation_size('{SCHEMA}.{table.name}') / current_setting('block_size')::bigint"
        (pages,) = self._ask(f"select {size}")
        count = min(1 + pages // PART_PAGES, MOST_PARTS)
        bounds = [pages * number // count for number in range(count)]
        # The last part has no end: the table may have grown.
        return [Part(table, None, first, end) for first, end in zip(bounds, [*bounds[1:], None], strict=True)]

    def read(self, part: Part) -> "Iterator[pa.RecordBatch]":
        """Stream the part's rows, each with `row_version` and `is_deleted`.

        A key occurs at most once in all parts of a table. An empty result still yields one empty batch: it carries the
        schema.
        """
        with self._adopted() as cursor:
            cursor.execute(_query(part))
            reader = cursor.fetch_record_batch()
            schema = _schema(reader.schema, part.table)
            empty = True
            for batch in reader:
                empty = False
                yield _cast(batch, schema)
            if empty:
                yield _no_rows(schema)

    def totals(self) -> "pa.Table":
        """What all the rows come to, as one row: counts, pieces and cents."""
        with self._adopted() as cursor:
            cursor.execute(_TOTALS)
            return cursor.fetch_arrow_table()

    @contextmanager
    def _adopted(self) -> "Iterator[dbapi.Cursor]":
        """A connection of its own that sees what the snapshot sees."""
        with _connect(self._dsn) as cursor:
            cursor.execute(_BEGIN)
            cursor.execute(f"set transaction snapshot '{self._exported}'")
            yield cursor

    def _ask(self, query: str) -> "tuple[Any, ...]":
        """The one row of a query."""
        self._cursor.execute(query)
        row = self._cursor.fetchone()
        assert row is not None
        return row


@contextmanager
def _connect(dsn: str) -> "Iterator[dbapi.Cursor]":
    """A cursor in a transaction of its own, rolled back at the end."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        yield cursor


def identity(dsn: str) -> str:
    """Which database this is, see `Window.database`."""
    with _connect(dsn) as cursor:
        cursor.execute(f"select {_IDENTITY}")
        row = cursor.fetchone()
        assert row is not None
        return str(row[0])


def forget_deleted(dsn: str, loaded: "Mapping[str, int]", days: int) -> int:
    """Delete the source's memory of rows that were deleted more than `days` ago and are loaded; gives how many.

    `loaded` says for each table from which version on the next load reads: what is older is read by nobody again.
    """
    from adbc_driver_postgresql import dbapi

    forgotten = 0
    with dbapi.connect(dsn) as connection, connection.cursor() as cursor:
        for table in TABLES:
            if table.name not in loaded:
                continue
            cursor.execute(f"""
                with gone as (
                    delete from {SCHEMA}.deleted_rows
                    where table_name = '{table.name}' and row_version < {loaded[table.name]}
                      and deleted_at < now() - interval '{days} days'
                    returning 1
                )
                select count(*) from gone
            """)
            row = cursor.fetchone()
            assert row is not None
            forgotten += int(row[0])
        connection.commit()
    return forgotten


def _query(part: Part) -> str:
    """The part's SELECT. Names come from `TABLES` and the rest are integers: nothing in it needs quoting."""
    table, since = part.table, part.since
    # PostgreSQL writes a numeric as text in half the time the driver takes to do so.
    columns = ", ".join(f"{name}::text" if name in table.money else name for name in table.columns)
    if since is None:
        end = "" if part.end is None else f" and ctid < '({part.end},0)'"
        return f"""
            select {columns}, row_version, false as is_deleted
            from {SCHEMA}.{table.name} where ctid >= '({part.first},0)'{end}
        """
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
