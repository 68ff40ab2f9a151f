"""A step's turn at the warehouse, which no step outlives its run with.

Dagster ends a run with an interrupt, which Python raises wherever the main thread happens to be. In a destructor, a
callback from C or an import it is lost, and the run goes on; a lock left behind there makes it stand still, with the
warehouse in its hand. So a step also asks whether its run still is. A run that was killed is made good by the next one:
that it ends matters more than how.
"""

import faulthandler
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import AssetExecutionContext, DagsterExecutionInterruptedError, DagsterRunStatus, OpExecutionContext

from retailflow_pipeline.warehouse import exclusive

INTERRUPTS = 5
"""How often a step whose run was ended is interrupted once more, before its process is ended."""

_PAUSE_SECONDS = 1.0
_REPORT_SECONDS = 10


@contextmanager
def turn(context: AssetExecutionContext | OpExecutionContext, warehouse: Path) -> Iterator[None]:
    """Hold the warehouse for the block, and end with the run: interrupted, after the block, or else with the process.

    Raises `DagsterExecutionInterruptedError` before or after a block whose run was ended, `WarehouseBusyError` as
    `exclusive` does.
    """
    over = threading.Event()
    watch = threading.Thread(target=_end_with_run, args=(context, over), name="end with the run", daemon=True)
    _raise_if_ended(context)
    watch.start()
    try:
        with exclusive(warehouse, f"run {context.run_id}"):
            yield
    finally:
        over.set()
        watch.join()
    _raise_if_ended(context)


def _raise_if_ended(context: AssetExecutionContext | OpExecutionContext) -> None:
    if _status(context) != DagsterRunStatus.STARTED:
        raise DagsterExecutionInterruptedError


def _end_with_run(context: AssetExecutionContext | OpExecutionContext, over: threading.Event) -> None:
    while _status(context) == DagsterRunStatus.STARTED:
        if over.wait(_PAUSE_SECONDS):
            return
    for _ in range(INTERRUPTS):
        if over.wait(_PAUSE_SECONDS):
            return
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    if not over.wait(_PAUSE_SECONDS):
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
