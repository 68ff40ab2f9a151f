"""What Dagster and the source keep of their past is bounded."""

from pathlib import Path

import pytest
from dagster import DagsterInstance, GraphDefinition, in_process_executor, op

from retailflow_pipeline.defs.housekeeping import forget_old_runs
from tests.stack import Stack


@pytest.fixture
def instance(tmp_path: Path) -> DagsterInstance:
    """As a sandbox has it: on disk, in SQLite. A fresh one sees nothing that another one remembers."""
    return DagsterInstance.local_temp(str(tmp_path))


def run(instance: DagsterInstance, *, fails: bool = False) -> str:
    @op
    def speak() -> None:
        print("said by the run")
        assert not fails

    job = GraphDefinition(name="speaker", node_defs=[speak]).to_job(executor_def=in_process_executor)
    return job.execute_in_process(instance=instance, raise_on_error=False).run_id


def files_of(folder: Path, run_id: str) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if run_id in str(path) and path.is_file())


def test_the_oldest_runs_that_ended_are_forgotten_with_their_files(instance: DagsterInstance, tmp_path: Path) -> None:
    runs = [run(instance, fails=number == 1) for number in range(5)]
    assert all(files_of(tmp_path, run_id) for run_id in runs)
    assert forget_old_runs(instance, 2) == 3
    kept = [record.dagster_run.run_id for record in instance.get_run_records()]
    assert kept == [runs[4], runs[3]]
    assert [run_id for run_id in runs if files_of(tmp_path, run_id)] == runs[3:]
    assert instance.get_run_by_id(runs[0]) is None
    assert instance.all_logs(runs[4]), "what is kept is whole"
    assert forget_old_runs(instance, 2) == 0


def test_a_run_that_is_under_way_is_not_forgotten(instance: DagsterInstance) -> None:
    waiting = instance.create_run_for_job(
        GraphDefinition(name="waiting", node_defs=[]).to_job(executor_def=in_process_executor)
    ).run_id
    run(instance)
    run(instance)
    forget_old_runs(instance, 1)
    assert waiting in [record.dagster_run.run_id for record in instance.get_run_records()]


def test_deleted_rows_are_forgotten_once_they_are_loaded_and_long_ago(stack: Stack) -> None:
    stack.fill(1, 20)
    stack.refresh("housekeeping")
    stack.load()
    stack.source.execute("delete from production.order_items where order_id <= 4")
    stack.source.execute("delete from production.orders where order_id <= 2")
    stack.source.execute("update production.deleted_rows set deleted_at = now() - interval '8 days'")
    stack.source.execute("delete from production.orders where order_id in (3, 4)")
    buried = "select table_name, count(*) from production.deleted_rows group by 1 order by 1"
    [items, orders] = stack.ask_source(buried)
    assert orders == ("orders", 4)
    stack.refresh("housekeeping")
    assert stack.ask_source(buried) == [items, orders], "what is not loaded yet is remembered"
    stack.load()
    stack.refresh("housekeeping")
    assert stack.ask_source(buried) == [("orders", 2)], "what was deleted just now is remembered"
    stack.assert_raw_is_the_source()
    stack.load()
    stack.assert_raw_is_the_source()
    assert stack.ask_warehouse("select count(*) from raw.orders where is_deleted") == [(4,)]
