"""What the tests share: one PostgreSQL server, one prepared dbt project, and a stack for each test or module."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retailflow_pipeline.prepare import prepare
from tests.postgres import Server, server
from tests.stack import Stack

DBT = Path(__file__).parent.parent.parent / "dbt"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with server() as running:
        yield running


@pytest.fixture(scope="session")
def dbt_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dbt project with its manifest built."""
    project = tmp_path_factory.mktemp("project") / "dbt"
    shutil.copytree(DBT, project, ignore=shutil.ignore_patterns("target", "logs"))
    # The manifest names the warehouse's catalog, which is the name of its file: the same one in every stack.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAILFLOW_WAREHOUSE", "/nowhere/shop.duckdb")
        prepare(project)
    return project


@pytest.fixture(scope="session")
def make_stack(postgres: Server, dbt_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stack]:
    def make(name: str) -> Stack:
        database = re.sub(r"\W", "_", name).lower()[-60:]
        postgres.create(database)
        folder = tmp_path_factory.mktemp("stack")
        shutil.copytree(dbt_project, folder / "dbt")
        (folder / "warehouse").mkdir()
        (folder / "dagster").mkdir()
        return Stack(postgres, database, folder)

    return make


@pytest.fixture
def stack(make_stack: Callable[[str], Stack], request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack for one test."""
    made = make_stack(request.node.name)
    yield made
    made.close()


@pytest.fixture(scope="module")
def module_stack(make_stack: Callable[[str], Stack], request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack for all tests of a module, which go on from where the one before left it."""
    made = make_stack(request.module.__name__)
    yield made
    made.close()
