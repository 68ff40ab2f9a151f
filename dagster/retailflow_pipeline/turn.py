"""A step's turn at the warehouse, which no step outlives its run with.

Dagster ends a run with an interrupt, which Python raises wherever the main thread happens to be. In a destructor, a
callback from C or an import it is lost, and the run goes on; a lock left behind there makes it stand still, with the
warehouse in its hand. So a step also asks whether its run still is. A run that was killed is made good by the next one:
that it ends matters more than how.

Only the step's own work is interrupted. While Dagster has one of its results, an interrupt waits for the next, and if
Dagster then gives the step up, nothing tells the step: it would go on interrupting whatever comes after it.
"""

import faulthandler
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from dagster import AssetExecutionContext, DagsterExecutionInterruptedError, DagsterRunStatus, OpExecutionContext

from retailflow_pipeline.warehouse import exclusive

INTERRUPTS = 5
"""How often a step whose run was ended is interrupted once more, before its process is ended."""

_PAUSE_SECONDS = 1.0
_REPORT_SECONDS = 10

Result = TypeVar("Result")


class Turn:
    """A step at work."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.works = threading.Event()
        """Set unless Dagster has one of its results."""
        self.works.set()

    def give(self, results: Iterable[Result]) -> Iterator[Result]:
        """Hand results to Dagster as they come."""
        for result in results:
            self.works.clear()
            yield result
            self.works.set()


@contextmanager
def turn(context: AssetExecutionContext | OpExecutionContext, warehouse: Path) -> Iterator[Turn]:
    """Hold the warehouse for the block, and end with the run: interrupted, after the block, or else with the process.

    Raises `DagsterExecutionInterruptedError` before or after a block whose run was ended, `WarehouseBusyError` as
    `exclusive` does.
    """
    held = Turn()
    watch = threading.Thread(target=_end_with_run, args=(context, held), name="end with the run", daemon=True)
    _raise_if_ended(context)
    watch.start()
    try:
        with exclusive(warehouse, f"run {context.run_id}"):
            yield held
    finally:
        held.over.set()
        watch.join()
    _raise_if_ended(context)


def _raise_if_ended(context: AssetExecutionContext | OpExecutionContext) -> None:
    if _status(context) != DagsterRunStatus.STARTED:
        raise DagsterExecutionInterruptedError


def _end_with_run(context: AssetExecutionContext | OpExecutionContext, held: Turn) -> None:
    while _status(context) == DagsterRunStatus.STARTED:
        if held.over.wait(_PAUSE_SECONDS):
            return
    for _ in range(INTERRUPTS):
        if held.over.wait(_PAUSE_SECONDS):
            return
        if held.works.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        elif _status(context) != DagsterRunStatus.CANCELING:
            return
    if not held.over.wait(_PAUSE_SECONDS) and (held.works.is_set() or _status(context) == DagsterRunStatus.CANCELING):
        _end_process(context)


def _end_process(context: AssetExecutionContext | OpExecutionContext) -> None:
    # The process ends also if what stands still is what the report needs.
    signal.alarm(_REPORT_SECONDS)
    faulthandler.dump_traceback()
    run = context.instance.get_run_by_id(context.run_id)
    if run is not None and run.status == DagsterRunStatus.CANCELING:
        context.instance.report_run_canceled(run, "It did not end by itself: its process was ended.")
    os._exit(1)


def _status(context: AssetExecutionContext | OpExecutionContext) -> DagsterRunStatus | None:
    run = context.instance.get_run_by_id(context.run_id)
    return run.status if run else None
