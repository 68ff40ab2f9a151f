"""The warehouse file: one writer at a time.

DuckDB locks its file for one process and fails at once when it is taken. The pipeline's own lock waits for its turn
instead, covers a whole step of a run rather than one connection, and says who holds it. Dagster's run queue already
keeps runs apart; the lock also holds against a run started by hand, and against one that outlived its code server.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

DEADLINE_SECONDS = 300.0
"""How long a run waits for another one to let go of the warehouse."""

_POLL_SECONDS = 0.2


class WarehouseBusyError(Exception):
    """Another process kept the warehouse for longer than the deadline."""


@contextmanager
def exclusive(warehouse: Path, holder: str, deadline: float = DEADLINE_SECONDS) -> Iterator[None]:
    """Hold the warehouse for the block, waiting up to `deadline` seconds. The kernel frees it if the process dies.

    Raises `WarehouseBusyError` with the holder's name at the deadline.
    """
    path = warehouse.with_name(f"{warehouse.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _wait(file.fileno(), path, deadline)
        file.truncate(0)
        file.write(f"{holder}, process {os.getpid()}")
        file.flush()
        yield


def _wait(descriptor: int, path: Path, deadline: float) -> None:
    give_up = time.monotonic() + deadline
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                holder = path.read_text(encoding="utf-8") or "another process"
                raise WarehouseBusyError(
                    f"The warehouse has been in use for more than {deadline:.0f} s by {holder}. "
                    "Wait for it to finish or end it, then refresh again."
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


@contextmanager
def reading(warehouse: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A read-only connection whose instants are in UTC."""
    import duckdb

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
