"""Housekeeping: what Dagster keeps of its past is bounded."""

from pathlib import Path

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    GraphDefinition,
    JobDefinition,
    OpDefinition,
    OpExecutionContext,
    RunsFilter,
    in_process_executor,
    op,
)
from dagster._core.storage.event_log import SqliteEventLogStorage

from retailflow_pipeline.settings import Settings

HOUSEKEEPING = "housekeeping"

_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def housekeeping_job(settings: Settings) -> JobDefinition:
    """Forgets the runs beyond those that are kept, with their logs."""
    return GraphDefinition(
        name=HOUSEKEEPING,
        node_defs=[_forget_op(settings)],
        description="Forgets old runs, so that Dagster's storage does not grow for ever.",
    ).to_job(executor_def=in_process_executor)


def _forget_op(settings: Settings) -> OpDefinition:
    @op(name="forget_old_runs")
    def forget(context: OpExecutionContext) -> None:
        forgotten = forget_old_runs(context.instance, settings.dagster_runs)
        context.log.info(f"{forgotten} runs forgotten; the newest {settings.dagster_runs} are kept")

    return forget


def forget_old_runs(instance: DagsterInstance, keep: int) -> int:
    """Delete the oldest runs that have ended, beyond `keep`: their events, output and database. Gives how many."""
    ended = instance.get_run_records(RunsFilter(statuses=_ENDED))
    doomed = [record.dagster_run.run_id for record in ended[keep:]]
    for run in doomed:
        instance.compute_log_manager.delete_logs(prefix=[run])
        instance.delete_run(run)
        _delete_database(instance, run)
    return len(doomed)


def _delete_database(instance: DagsterInstance, run: str) -> None:
    """SQLite has a file for each run, which Dagster empties and leaves."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        path = Path(storage.path_for_shard(run))
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            file.unlink(missing_ok=True)
