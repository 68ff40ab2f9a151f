"""The graph as Dagster sees it, and what the project asks of its environment."""

import subprocess
import sys
from pathlib import Path

import pytest
from dagster import AssetKey, Definitions

from retailflow_pipeline.graph import definitions
from retailflow_pipeline.settings import Settings, SettingsError
from tests.stack import PROJECT, Stack

SNAPSHOT = Path(__file__).with_name("asset_graph.txt")


@pytest.fixture(scope="module")
def graph(module_stack: Stack) -> Definitions:
    return definitions(module_stack.settings)


def describe(graph: Definitions) -> str:
    """One line an asset: its key, then what it is made from."""
    nodes = graph.resolve_asset_graph()
    lines = []
    for key in sorted(nodes.get_all_asset_keys()):
        parents = ", ".join(parent.to_user_string() for parent in sorted(nodes.get(key).parent_keys))
        lines.append(f"{key.to_user_string()} <- {parents}".rstrip(" <-"))
    return "\n".join(lines) + "\n"


def test_asset_graph(graph: Definitions) -> None:
    """One graph from the source to the charts. After a change that is meant, delete the file and run this twice."""
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(describe(graph))
        pytest.fail(f"{SNAPSHOT.name} was written anew: read it, then run the test again")
    assert describe(graph) == SNAPSHOT.read_text()


def test_everything_comes_from_the_source(graph: Definitions) -> None:
    nodes = graph.resolve_asset_graph()
    roots = {key for key in nodes.get_all_asset_keys() if not nodes.get(key).parent_keys}
    assert {key.path[0] for key in roots} == {"production"}
    assert not any(nodes.get(key).is_materializable for key in roots)
    assert {key for key in nodes.get_all_asset_keys() if not nodes.get(key).child_keys} >= {AssetKey("charts")}


def test_refresh_makes_everything_and_checks_it(graph: Definitions) -> None:
    job = graph.resolve_job_def("refresh")
    nodes = graph.resolve_asset_graph()
    assert set(job.asset_layer.executable_asset_keys) == set(nodes.materializable_asset_keys)
    assert len(nodes.asset_check_keys) > 40
    assert all(key.asset_key.path[0] in {"staging", "marts"} for key in nodes.asset_check_keys)


@pytest.mark.parametrize(
    ("minutes", "cron"),
    [(1, "*/1 * * * *"), (7, "*/6 * * * *"), (45, "*/30 * * * *"), (60, "0 */1 * * *"), (1440, "0 */24 * * *")],
)
def test_schedule(module_stack: Stack, minutes: int, cron: str) -> None:
    environment = {**module_stack.environment, "RETAILFLOW_REFRESH_MINUTES": str(minutes)}
    graph = definitions(Settings.from_environment(environment))
    assert {schedule.job_name: schedule.cron_schedule for schedule in graph.schedules or []} == {
        "refresh": cron,
        "full_check": "30 3 * * *",
        "housekeeping": "30 5 * * *",
    }


def test_only_housekeeping_when_switched_off(graph: Definitions) -> None:
    assert [schedule.job_name for schedule in graph.schedules or []] == ["housekeeping"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RETAILFLOW_SOURCE_DSN", "", "RETAILFLOW_SOURCE_DSN is not set"),
        ("RETAILFLOW_WAREHOUSE", "shop.duckdb", "must be an absolute path"),
        ("RETAILFLOW_REFRESH_MINUTES", "often", "whole minutes"),
        ("RETAILFLOW_REFRESH_MINUTES", "100000", "whole minutes"),
        ("RETAILFLOW_DAGSTER_RUNS", "0", "above 0"),
    ],
)
def test_bad_settings_name_the_variable(module_stack: Stack, name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Settings.from_environment({**module_stack.environment, name: value})


def test_the_pipeline_imports_nothing_heavy_by_itself() -> None:
    """What is needed in one step only is imported there: Dagster loads the definitions in every process it starts."""
    code = "import sys, retailflow_pipeline.tables, retailflow_pipeline.charts, retailflow_pipeline.dbt_runner, \
        retailflow_pipeline.snapshot, retailflow_pipeline.warehouse; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not {"duckdb", "dlt", "dbt.cli.main", "pyarrow", "adbc_driver_postgresql"} & set(loaded.stdout.split())
