"""Run dbt inside the run's own process and hand its results to Dagster as they come.

`DbtCliResource` starts dbt three times over for one command: `dbt --version`, an adapter of its own, and the command
itself, and each takes seconds of imports, more than a refresh has work. dbt's programmatic runner imports once, parses
while the extraction runs, and dies with the run's process when that is killed; its events are the very ones
`dagster_dbt` knows how to translate.
"""

import os
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import DagsterLogManager, Failure

from retailflow_pipeline.settings import Settings

if TYPE_CHECKING:
    from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage
    from dbt.contracts.graph.manifest import Manifest

TESTED_SINCE = "RETAILFLOW_TESTED_SINCE"
"""Tells the dbt project from which `loaded_at` on rows have yet to be tested; see its `macros/tested_rows.sql`."""

_END = object()


class Dbt:
    """dbt on one stack's project, which must have been prepared (see `prepare.py`). Runs one command at a time."""

    def __init__(self, settings: Settings) -> None:
        self._flags = _flags(settings.dbt_project)
        # What the project's profile reads. Parsing needs it too: the manifest names the warehouse.
        self._environment = {"RETAILFLOW_WAREHOUSE": str(settings.warehouse)}
        self._parsed: Future[Manifest | None] | None = None

    def parse_in_background(self) -> None:
        """Start importing dbt and parsing the project: seconds, which the extraction spends waiting for PostgreSQL."""
        if self._parsed is None:
            self._parsed = Future()
            threading.Thread(target=self._parse, args=(self._parsed,), name="parse-dbt", daemon=True).start()

    def stream(
        self, words: Sequence[str], log: DagsterLogManager, *, tested_since: str
    ) -> "Iterator[DbtCoreCliEventMessage]":
        """Run a command; yield its events as they come and report its lines.

        Raises `Failure` with dbt's own words at the end if anything failed, after everything else has run.
        """
        from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

        events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        outcome: Future[str | None] = Future()
        # A daemon thread: when the run is ended from outside, its process must not wait for dbt.
        work = (list(words), {TESTED_SINCE: tested_since}, events, outcome)
        threading.Thread(target=self._run, args=work, name="dbt", daemon=True).start()
        problems: list[str] = []
        for event in iter(events.get, _END):
            _report(log, event["info"], problems)
            yield DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
        error = outcome.result()
        if error is not None:
            raise Failure(description="\n".join([f"dbt failed. {error}".strip(), *problems]))

    def _parse(self, parsed: "Future[Manifest | None]") -> None:
        """Answer with the manifest, or with None: then the command itself parses, and says what is wrong."""
        manifest = None
        try:
            import dbt.adapters.duckdb  # noqa: F401
            from dbt.cli.main import dbtRunner

            with _set(self._environment):
                manifest = dbtRunner().invoke(["parse", "--quiet", *self._flags]).result
        finally:
            parsed.set_result(manifest)

    def _run(
        self,
        words: list[str],
        environment: Mapping[str, str],
        events: "queue.SimpleQueue[Any]",
        outcome: "Future[str | None]",
    ) -> None:
        """The command's thread: what went wrong, empty if dbt's events have said so, is its outcome; None is success.

        Whatever happens, the reader is told that it is over.
        """
        try:
            self.parse_in_background()
            assert self._parsed is not None
            manifest = self._parsed.result()
            with _set({**self._environment, **environment}):
                outcome.set_result(_invoke(manifest, [*words, *self._flags], events))
        except BaseException as error:  # noqa: BLE001 (raised again, as a `Failure`, where the run sees it)
            outcome.set_result(repr(error))
        finally:
            events.put(_END)


def _invoke(manifest: "Manifest | None", words: list[str], events: "queue.SimpleQueue[Any]") -> str | None:
    from dbt.cli.main import dbtRunner
    from dbt_common.events.base_types import EventLevel
    from google.protobuf.json_format import MessageToDict

    def forward(message: Any) -> None:
        """Put an event where the reader finds it, in the form of dbt's JSON log."""
        if message.info.level != EventLevel.DEBUG.value:
            events.put(
                MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
            )

    try:
        result = dbtRunner(manifest, callbacks=[forward]).invoke(words)
    finally:
        _close_warehouse()
    return None if result.success else str(result.exception or "")


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


def _report(log: DagsterLogManager, info: Mapping[str, Any], problems: list[str]) -> None:
    """Problems go to Dagster's log. The rest goes to standard output, a file: each line of the log is a transaction."""
    message = info["msg"].strip()
    if not message:
        return
    if info["level"] == "error":
        problems.append(message)
        log.error(message)
    elif info["level"] == "warn":
        log.warning(message)
    else:
        print(message, flush=True)
