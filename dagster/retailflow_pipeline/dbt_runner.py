"""Run dbt inside the run's own process and hand its results to Dagster as they come.

`DbtCliResource` starts dbt three times over for one invocation: `dbt --version`, an adapter of its own, and the command.
Each takes seconds of imports, more than a refresh has work. dbt's programmatic runner imports once, dies with the run's
process when that is killed, and its events are the very ones `dagster_dbt` knows how to translate.
"""

import os
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, Failure

if TYPE_CHECKING:
    from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

_END = object()


@dataclass(frozen=True)
class DbtProjectPaths:
    """A dbt project and where its artifacts go."""

    project: Path
    target: Path


def import_in_background() -> None:
    """Start importing dbt on a thread: it takes seconds, which the extraction spends waiting for PostgreSQL."""
    threading.Thread(target=_import, name="import-dbt", daemon=True).start()


def _import() -> None:
    import dbt.cli.main  # noqa: F401


def stream(
    context: AssetExecutionContext,
    paths: DbtProjectPaths,
    arguments: list[str],
    environment: Mapping[str, str],
) -> "Iterator[DbtCoreCliEventMessage]":
    """Run a dbt command; yield its events, log its lines, and raise `Failure` at the end if anything failed."""
    from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

    outcome: dict[str, Any] = {}
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    worker = threading.Thread(target=_invoke, args=(paths, arguments, environment, events, outcome), name="dbt")
    worker.start()
    errors: list[str] = []
    for event in iter(events.get, _END):
        _log(context, event, errors)
        yield DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
    worker.join()
    _raise_on_failure(outcome, errors)


def _invoke(
    paths: DbtProjectPaths,
    arguments: list[str],
    environment: Mapping[str, str],
    events: "queue.SimpleQueue[Any]",
    outcome: dict[str, Any],
) -> None:
    try:
        from dbt.cli.main import dbtRunner
        from dbt_common.events.base_types import EventLevel
        from google.protobuf.json_format import MessageToDict

        def forward(message: Any) -> None:
            if message.info.level != EventLevel.DEBUG.value:
                events.put(MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True))

        with _environment(environment):
            result = dbtRunner(callbacks=[forward]).invoke([*arguments, *_flags(paths)])
        outcome.update(success=result.success, exception=result.exception)
    except BaseException as error:
        outcome.update(success=False, exception=error)
    finally:
        _close_warehouse()
        events.put(_END)


def _flags(paths: DbtProjectPaths) -> list[str]:
    return [
        "--project-dir",
        os.fspath(paths.project),
        "--profiles-dir",
        os.fspath(paths.project),
        "--target-path",
        os.fspath(paths.target),
        "--log-path",
        os.fspath(paths.target),
        "--no-use-colors",
        "--no-write-json",
        "--log-level",
        "none",
    ]


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _close_warehouse() -> None:
    """Let go of the DuckDB file: dbt's adapter keeps it open for the life of the process."""
    from dbt.adapters.factory import reset_adapters
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()
    reset_adapters()


def _log(context: AssetExecutionContext, event: Mapping[str, Any], errors: list[str]) -> None:
    message = event["info"].get("msg", "").strip()
    if not message:
        return
    if event["info"].get("level") == "error":
        errors.append(message)
        context.log.error(message)
    else:
        context.log.info(message)


def _raise_on_failure(outcome: Mapping[str, Any], errors: list[str]) -> None:
    if outcome["success"]:
        return
    reason = str(outcome["exception"] or "\n".join(errors) or "dbt did not say why")
    raise Failure(description=f"dbt failed: {reason}")
