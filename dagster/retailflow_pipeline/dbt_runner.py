"""Run dbt inside the run's own process and hand its results to Dagster as they come.

`DbtCliResource` starts dbt three times over for one command: `dbt --version`, an adapter of its own, and the command
itself, and each takes seconds of imports, more than a refresh has work. dbt's programmatic runner imports once, dies with
the run's process when that is killed, and its events are the very ones `dagster_dbt` knows how to translate.
"""

import os
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import DagsterLogManager, Failure

if TYPE_CHECKING:
    from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

TESTED_SINCE = "RETAILFLOW_TESTED_SINCE"
"""Tells the dbt project from which `loaded_at` on rows have yet to be tested; see its `macros/tested_rows.sql`."""

_END = object()


def import_in_background() -> None:
    """Start importing dbt on a thread: it takes seconds, which the extraction spends waiting for PostgreSQL."""
    threading.Thread(target=_import, name="import-dbt", daemon=True).start()


def _import() -> None:
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401


class DbtInvocation:
    """One dbt command on the project in `project`, which must have been prepared (see `prepare.py`)."""

    def __init__(self, project: Path, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._words = [*words, *_flags(project)]
        self._environment = environment
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._error: str | None = None

    def stream(self, log: DagsterLogManager) -> "Iterator[DbtCoreCliEventMessage]":
        """Run the command; yield its events as they come and log their lines.

        Raises `Failure` with dbt's own words at the end if anything failed, after everything else has run.
        """
        from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

        # A daemon thread: when the run is ended from outside, its process must not wait for dbt.
        threading.Thread(target=self._run, name="dbt", daemon=True).start()
        problems: list[str] = []
        for event in iter(self._events.get, _END):
            _log(log, event["info"], problems)
            yield DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
        if self._error is not None:
            raise Failure(description="\n".join([f"dbt failed. {self._error}".strip(), *problems]))

    def _run(self) -> None:
        """The thread's work. Whatever happens, the reader is told that it is over."""
        try:
            with _set(self._environment):
                self._error = _invoke(self._words, self._events)
        except BaseException as error:
            self._error = repr(error)
        finally:
            self._events.put(_END)


def _invoke(words: list[str], events: "queue.SimpleQueue[Any]") -> str | None:
    """Run dbt; the answer is what went wrong, empty if dbt's events have said so, or None."""
    from dbt.cli.main import dbtRunner
    from dbt_common.events.base_types import EventLevel
    from google.protobuf.json_format import MessageToDict

    def forward(message: Any) -> None:
        if message.info.level != EventLevel.DEBUG.value:
            events.put(
                MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
            )

    try:
        result = dbtRunner(callbacks=[forward]).invoke(words)
    finally:
        _close_warehouse()
    if result.success:
        return None
    return str(result.exception or "")


def _close_warehouse() -> None:
    """Let go of the DuckDB file: dbt's adapter would keep it open, and locked, for the life of the process."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    DuckDBConnectionManager.close_all_connections()
    reset_adapters()


def _flags(project: Path) -> list[str]:
    target = project / "target"
    folders = ("--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", target)
    # The manifest of the set-up stays: Dagster has loaded it, and writing artifacts takes longer than most models.
    return [*map(os.fspath, folders), "--no-write-json", "--no-use-colors", "--log-level", "none"]


@contextmanager
def _set(environment: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _log(log: DagsterLogManager, info: Mapping[str, Any], problems: list[str]) -> None:
    message = info["msg"].strip()
    if not message:
        return
    if info["level"] == "error":
        problems.append(message)
        log.error(message)
    elif info["level"] == "warn":
        log.warning(message)
    else:
        log.info(message)
