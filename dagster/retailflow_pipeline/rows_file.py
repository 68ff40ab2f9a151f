"""The files in which rows pass from the source to the warehouse: Parquet, read once by DuckDB and then removed.

They cost the processor as little as they can, and disk for a moment: no compression, no statistics, and a dictionary
only where values repeat. One for a column of keys takes three times as long to write as the keys themselves.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

STAMP = "loaded_at"
_REPEATED = ("row_version", "is_deleted", STAMP)


def write_rows(path: Path, batches: "Iterable[pa.RecordBatch]", loaded_at: datetime) -> "tuple[int, pa.Schema]":
    """Write the batches, at least one, each row stamped `loaded_at`. Answers with their rows and the file's schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stamp = pa.field(STAMP, pa.timestamp("us", tz="UTC"))
    rows, schema, writer = 0, None, None
    try:
        for batch in batches:
            if writer is None:
                schema = batch.schema.append(stamp)
                writer = pq.ParquetWriter(
                    path, schema, compression="none", write_statistics=False, use_dictionary=_dictionaries(schema)
                )
            stamps = pa.repeat(pa.scalar(loaded_at, stamp.type), batch.num_rows)
            writer.write_batch(pa.RecordBatch.from_arrays([*batch.columns, stamps], schema=schema))
            rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    assert schema is not None, "an empty table is one batch without rows"
    return rows, schema


def _dictionaries(schema: "pa.Schema") -> list[str]:
    import pyarrow as pa

    return [field.name for field in schema if field.name in _REPEATED or pa.types.is_string(field.type)]
