"""The warehouse's lock and the charts' file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retailflow_pipeline.charts import write_atomically
from retailflow_pipeline.warehouse import WarehouseBusyError, exclusive
from tests.stack import PROJECT


def hold(warehouse: Path) -> subprocess.Popen[str]:
    """Another process that has the warehouse until it is killed."""
    code = (
        "import sys, time, pathlib; from retailflow_pipeline.warehouse import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1]), 'run 42', 5):\n    print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, warehouse], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_lock_says_who_has_it_and_falls_with_its_holder(tmp_path: Path) -> None:
    warehouse = tmp_path / "shop.duckdb"
    holder = hold(warehouse)
    with pytest.raises(WarehouseBusyError, match=rf"by run 42, process {holder.pid}"), exclusive(warehouse, "me", 0.3):
        pytest.fail("two have it")
    holder.kill()
    holder.wait()
    with exclusive(warehouse, "me", 0.3):
        assert Path(f"{warehouse}.lock").read_text() == f"me, process {os.getpid()}"


def test_charts_are_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails before the end leaves the old file and nothing else."""
    path = tmp_path / "deep" / "charts.json"
    write_atomically(path, {"a": 1})

    def fail(_: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="the disk is full"):
        write_atomically(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in path.parent.iterdir()] == ["charts.json"]
