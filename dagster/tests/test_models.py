"""The dbt project by itself: dbt's own command builds all of it, unit tests among it, without an error or a warning."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.stack import Stack


def build(stack: Stack) -> Counter[tuple[str, str]]:
    """`dbt build`, the way someone who edits the project runs it. Counts of (kind of node, status)."""
    program = shutil.which("dbt", path=Path(sys.executable).parent)
    assert program is not None
    project = stack.settings.dbt_project
    words = [program, "--warn-error", "build", "--project-dir", str(project), "--profiles-dir", str(project)]
    ended = subprocess.run(words, env={**os.environ, **stack.environment}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    results: list[dict[str, Any]] = json.loads((project / "target" / "run_results.json").read_text())["results"]
    return Counter((result["unique_id"].partition(".")[0], result["status"]) for result in results)


def test_dbt_build_is_clean_from_nothing_and_again(stack: Stack) -> None:
    """Empty and incremental: a second build with new orders goes through the other half of each incremental model."""
    stack.fill(0, 3000)
    stack.load()
    first = build(stack)
    assert {status for _, status in first} == {"success", "pass"}
    assert {"model", "test", "unit_test"} <= {kind for kind, _ in first}
    stack.fill(3000, 500, days=1, since="2026-01-31")
    stack.load()
    assert build(stack) == first
    orders = stack.ask_warehouse("select count(*) from marts.fct_orders")
    assert orders == [(3500,)]
