"""Kills and concurrent writers: seeded, so that a failure can be run again."""

import multiprocessing
import random
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from dagster import DagsterExecutionInterruptedError, DagsterInstance, DagsterRunStatus, EventLogEntry
from dlt.common.runners import TRunMetrics
from dlt.load.load import Load
from dlt.normalize.normalize import Normalize

from retailflow_pipeline import turn
from tests.stack import Stack

SEED = 20260101
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("first", [True, False], ids=["first_load", "later_load"])
def test_kill_in_mid_load(stack: Stack, first: bool) -> None:
    """Killed at moments spread over the whole of a load: the next load is right, with no row twice."""
    generator = random.Random(SEED)
    if not first:
        stack.fill(0, 2_000)
        stack.load()
    for round_number in range(4):
        stack.fill(10_000 * (round_number + 1), 5_000)
        stack.source.execute("update production.orders set status = 'paid' where order_id % 3 = 0 and order_id < 100")
        process = stack.start_load()
        time.sleep(1.5 + generator.random() * 2.5)
        process.kill()
        process.wait()
    stack.load()
    stack.assert_raw_is_the_source()
    stack.load()
    stack.assert_raw_is_the_source()


@pytest.mark.parametrize("step", [Normalize, Load])
def test_an_interrupt_ends_a_run(stack: Stack, monkeypatch: pytest.MonkeyPatch, step: type[Normalize | Load]) -> None:
    """Also where dlt, left to itself, has looked for interrupts for the last time; the next run is right."""
    stack.fill(0, 50)
    work = step.run

    def work_and_be_interrupted(self: Any, pool: Any) -> TRunMetrics:
        done = work(self, pool)
        signal.raise_signal(signal.SIGTERM)
        return done

    monkeypatch.setattr(step, "run", work_and_be_interrupted)
    with pytest.raises(DagsterExecutionInterruptedError):
        stack.refresh()
    assert not stack.settings.charts.exists()
    monkeypatch.undo()
    stack.refresh()
    stack.assert_raw_is_the_source()


@pytest.mark.parametrize("seconds", [0, 60], ids=["before_it_ends", "for_long"])
def test_a_run_whose_interrupt_is_lost_ends_all_the_same(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """It learns of its end from what Dagster knows of it: soon, or when its work is done."""
    stack.fill(0, 50)
    work = Load.run
    begun: list[float] = []

    def be_cancelled_and_work(self: Any, pool: Any) -> TRunMetrics:
        _report_canceling(stack)
        begun.append(time.monotonic())
        time.sleep(seconds)
        return work(self, pool)

    monkeypatch.setattr(Load, "run", be_cancelled_and_work)
    with pytest.raises(DagsterExecutionInterruptedError):
        stack.refresh()
    assert time.monotonic() - begun[0] < 30
    assert not stack.settings.charts.exists()
    assert [run.status for run in stack.instance.get_runs()] == [DagsterRunStatus.CANCELED]


def test_a_run_that_is_given_up_between_two_results_interrupts_nothing_after_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster has a result of the step's when it learns of the end, and the step does not learn that it is over."""
    stack.fill(0, 50)
    handle = DagsterInstance.handle_new_event
    cancelled: list[bool] = []

    def be_cancelled(self: DagsterInstance, event: EventLogEntry, **more: Any) -> None:
        handle(self, event, **more)
        if event.dagster_event and event.dagster_event.is_step_materialization and not cancelled:
            cancelled.append(True)
            _report_canceling(stack)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(DagsterInstance, "handle_new_event", be_cancelled)
    heard: list[int] = []
    before = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in SIGNALS}
    try:
        # What was raised keeps the step from being closed.
        with pytest.raises(DagsterExecutionInterruptedError) as ended:
            stack.refresh()
        time.sleep(4)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert heard == [], ended
    assert [run.status for run in stack.instance.get_runs()] == [DagsterRunStatus.CANCELED]


def test_a_run_that_stands_still_when_it_is_cancelled_ends_with_its_process(stack: Stack) -> None:
    """It is told to be cancelled, and the warehouse is free."""
    stack.fill(0, 50)
    own = Stack(stack.server, stack.database, stack.folder)
    process = multiprocessing.get_context("spawn").Process(target=_stand_still, args=(own,), daemon=True)
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 1
    assert [run.status for run in stack.instance.get_runs()] == [DagsterRunStatus.CANCELED]
    stack.refresh()
    stack.assert_raw_is_the_source()


def _stand_still(stack: Stack) -> None:
    def be_cancelled_and_stand_still(_: Any, __: Any) -> TRunMetrics:
        _report_canceling(stack)
        while True:
            with suppress(DagsterExecutionInterruptedError):
                time.sleep(60)

    turn.INTERRUPTS = 1
    Load.run = be_cancelled_and_stand_still
    stack.refresh()


def _report_canceling(stack: Stack) -> None:
    (run,) = stack.instance.get_runs()
    stack.instance.report_run_canceling(run)


class Writer(threading.Thread):
    """Writes, changes and deletes orders until told to stop, in transactions of random length."""

    def __init__(self, stack: Stack, number: int) -> None:
        super().__init__()
        self._connection = stack.server.connect(stack.database)
        self._random = random.Random(SEED + number)
        self._next = 1_000_000 * (number + 1)
        self.stop = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with self._connection:
                while not self.stop.is_set():
                    with self._connection.transaction():
                        for _ in range(self._random.randrange(1, 4)):
                            self._act()
                            time.sleep(self._random.random() * 0.05)
        except BaseException as error:
            self.error = error
            raise

    def _act(self) -> None:
        first, last = 1_000_000 * (self._next // 1_000_000), self._next
        victim = self._random.randrange(first, last + 1)
        match self._random.choice(("insert", "insert", "update", "delete")):
            case "insert":
                self._execute("select production.fill(%s, 20, '2026-02-01', '1 day')", self._next)
                self._next += 20
            case "update":
                self._execute("update production.orders set status = 'returned' where order_id = %s", victim)
            case "delete":
                self._execute("delete from production.order_items where order_id = %s", victim)
                self._execute("delete from production.orders where order_id = %s", victim)

    def _execute(self, query: str, argument: int) -> psycopg.Cursor:
        return self._connection.execute(query, (argument,))


def test_loads_beside_writers(stack: Stack) -> None:
    """Loads run while others write; once they stop, one more load ends with the source, row by row."""
    writers = [Writer(stack, number) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(6):
            stack.load()
            orphans = stack.ask_warehouse(
                "select count(*) from raw.order_items as i left join raw.orders as o using (order_id)"
                " where not i.is_deleted and (o.order_id is null or o.is_deleted)"
            )
            assert orphans == [(0,)], "every load is one consistent look at the source"
    finally:
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join()
    assert [writer.error for writer in writers] == [None] * 3
    stack.load()
    stack.assert_raw_is_the_source()
    assert stack.ask_source("select count(*) > 100 from production.orders") == [(True,)]
