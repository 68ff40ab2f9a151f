"""How fast the pipeline's first load is beside a bare copy of the same tables: `python load.py [--small]`.

All three read the same source in the same run, taking turns. The bare copies do nothing but copy: no snapshot over
all tables, no decimals, no marks, no state, nothing to go on from.
"""

import argparse
import sys
import tempfile
import urllib.parse
from pathlib import Path

import connectorx
import duckdb
from adbc_driver_postgresql import dbapi
from bench import make_stack, paired, row, timed, write_history
from retailflow_pipeline.tables import TABLES
from tests.postgres import server
from tests.stack import Stack

GOAL = 0.9


def copy_with_adbc(stack: Stack, target: Path) -> None:
    """Each table through a stream of Arrow batches."""
    with (
        duckdb.connect(str(target)) as warehouse,
        dbapi.connect(stack.settings.source_dsn) as connection,
        connection.cursor() as cursor,
    ):
        for table in TABLES:
            cursor.execute(f"select * from production.{table.name}")
            reader = cursor.fetch_record_batch()
            warehouse.register("reader", reader)
            warehouse.execute(f"create table {table.name} as from reader")
            warehouse.unregister("reader")


def copy_with_connectorx(stack: Stack, target: Path) -> None:
    """Each table through one Arrow table in memory."""
    host = urllib.parse.quote(str(stack.server.folder), safe="")
    url = f"postgresql://shop@{host}/{stack.database}"
    with duckdb.connect(str(target)) as warehouse:
        for table in TABLES:
            rows = connectorx.read_sql(url, f"select * from production.{table.name}", return_type="arrow")
            warehouse.register("rows", rows)
            warehouse.execute(f"create table {table.name} as from rows")
            warehouse.unregister("rows")


def load_with_pipeline(stack: Stack) -> None:
    """The pipeline's extract and load into an empty warehouse."""
    stack.load()


def run(orders: int, rounds: int) -> bool:
    """Measure and print; whether the goal is met."""
    with server() as running, tempfile.TemporaryDirectory(prefix="retailflow-bench-") as name:
        folder = Path(name)
        stack = make_stack(running, "load", folder)
        write_history(stack, orders)
        rows = sum(stack.ask_source(f"select count(*) from production.{table.name}")[0][0] for table in TABLES)
        seconds: dict[str, list[float]] = {"pipeline": [], "bare ADBC": [], "bare ConnectorX": []}
        for _ in range(rounds):
            for path in folder.glob("*.duckdb"):
                path.unlink()
            stack.settings.warehouse.unlink(missing_ok=True)
            seconds["bare ADBC"].append(timed(lambda: copy_with_adbc(stack, folder / "adbc.duckdb")))
            seconds["pipeline"].append(timed(lambda: load_with_pipeline(stack)))
            seconds["bare ConnectorX"].append(timed(lambda: copy_with_connectorx(stack, folder / "cx.duckdb")))
        assert stack.raw_rows() == rows
    print(f"{rows:,} rows in {len(TABLES)} tables, {rounds} rounds")
    for name, values in seconds.items():
        print(row(name, values, rows))
    ratios = {name: paired(seconds[name], seconds["pipeline"]) for name in ("bare ADBC", "bare ConnectorX")}
    for name, ratio in ratios.items():
        print(f"rate of the pipeline / {name}: {ratio:.2f} (goal: at least {GOAL})")
    return min(ratios.values()) >= GOAL


def main() -> int:
    """The command: exits with 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="100 thousand orders, for a quick look")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    return 0 if run(100_000 if arguments.small else 1_000_000, arguments.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
