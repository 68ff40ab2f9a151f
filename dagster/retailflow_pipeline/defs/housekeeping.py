"""Housekeeping: what Dagster and the source keep of their past is bounded."""

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

from retailflow_pipeline.extract import build_pipeline, loaded
from retailflow_pipeline.settings import Settings
from retailflow_pipeline.snapshot import forget_deleted, identity

HOUSEKEEPING = "housekeeping"

_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def housekeeping_job(settings: Settings) -> JobDefinition:
    """Forgets the runs beyond those that are kept, with their logs, and what was deleted in the source long ago."""
    return GraphDefinition(
        name=HOUSEKEEPING,
        node_defs=[_runs_op(settings), _deleted_rows_op(settings)],
        description="Forgets old runs and rows deleted long ago, so that neither grows for ever.",
    ).to_job(executor_def=in_process_executor)


def _runs_op(settings: Settings) -> OpDefinition:
    @op(name="forget_old_runs")
    def forget(context: OpExecutionContext) -> None:
        forgotten = forget_old_runs(context.instance, settings.dagster_runs)
        context.log.info(f"{forgotten} runs forgotten; the newest {settings.dagster_runs} are kept")

    return forget


def _deleted_rows_op(settings: Settings) -> OpDefinition:
    @op(name="forget_deleted_rows")
    def forget(context: OpExecutionContext) -> None:
        pipeline = build_pipeline(settings.warehouse, settings.dlt_dir)
        known = loaded(pipeline, identity(settings.source_dsn))
        forgotten = forget_deleted(settings.source_dsn, known, settings.deleted_days)
        context.log.info(
            f"{forgotten} deleted rows forgotten, which were loaded more than {settings.deleted_days} days ago"
        )

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
