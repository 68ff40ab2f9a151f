"""The real thing: code server, webserver and daemon, driven through GraphQL as the app drives them."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.stack import PROJECT, Stack

LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"""
STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status stats { ... on RunStatsSnapshot {\
    stepsSucceeded materializations } } } } }"
TERMINATE = "mutation($run: String!, $policy: TerminateRunPolicy!) {\
    terminateRun(runId: $run, terminatePolicy: $policy) { __typename } }"
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


class Services:
    """Dagster's three processes, each with its log beside Dagster's home."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.home = stack.folder / "dagster"
        self.socket = stack.server.folder / f"{stack.database[:20]}.sock"
        self.port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (self.home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())
        location = {"grpc_server": {"socket": str(self.socket), "location_name": "retailflow"}}
        (self.home / "workspace.yaml").write_text(json.dumps({"load_from": [location]}))

    def start(self) -> None:
        self.start_code_server()
        workspace = ["--workspace", str(self.home / "workspace.yaml")]
        self._start("dagster-webserver", "--host", "127.0.0.1", "--port", str(self.port), *workspace)
        wait(self.answers, "the webserver")
        self._start("dagster-daemon", "run", *workspace)

    def start_code_server(self) -> None:
        self.socket.unlink(missing_ok=True)
        module = ["--module-name", "retailflow_pipeline.definitions", "--location-name", "retailflow"]
        self._start("dagster", "api", "grpc", *module, "--socket", str(self.socket))
        wait(self.socket.exists, "the code server")

    def kill(self, program: str) -> None:
        """Kill a process and all its children."""
        process = self.processes.pop(program)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/server_info", timeout=5).close()
        except OSError:
            return False
        return True

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content = json.load(answer)
        except urllib.error.HTTPError as error:
            content = json.load(error)
        assert "errors" not in content, content["errors"]
        return content["data"]

    def launch(self) -> str:
        selector = {"repositoryLocationName": "retailflow", "repositoryName": "__repository__", "jobName": "refresh"}
        # The webserver notices a code server that was started again after a moment.
        deadline = time.monotonic() + 60
        while True:
            launched = self.ask(LAUNCH, params={"selector": selector, "executionMetadata": {"tags": []}})["launchRun"]
            if launched["__typename"] != "PipelineNotFoundError" or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def status(self, run: str) -> str:
        return self.ask(STATUS, run=run)["runOrError"]["status"]

    def _start(self, program: str, *words: str) -> None:
        environment = {**os.environ, **self.stack.environment, "PYTHONPATH": str(PROJECT)}
        log = (self.home / f"{program}.log").open("wb")
        command = [str(Path(sys.executable).parent / program), *words]
        self.processes[program] = subprocess.Popen(
            command, env=environment, cwd=self.home, stdout=log, stderr=log, start_new_session=True
        )


@contextmanager
def running(stack: Stack) -> Iterator[Services]:
    services = Services(stack)
    try:
        services.start()
        yield services
    finally:
        for program in list(services.processes):
            services.kill(program)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait(condition: Callable[[], bool], what: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} took more than {seconds:.0f} s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def services(module_stack: Stack) -> Iterator[Services]:
    with running(module_stack) as started:
        yield started


def test_refresh_through_graphql(services: Services) -> None:
    services.stack.fill(0, 200)
    run = services.launch()
    wait(lambda: services.status(run) in ENDED, "the refresh")
    assert services.status(run) == "SUCCESS"
    stats = services.ask(STATUS, run=run)["runOrError"]["stats"]
    assert stats == {"stepsSucceeded": 3, "materializations": 25}
    assert json.loads(services.stack.settings.charts.read_text())["totals"]["orders"] == 200


def test_runs_wait_for_each_other(services: Services) -> None:
    services.stack.fill(1_000, 50)
    with services.stack.holding_reads():
        runs = [services.launch(), services.launch()]
        wait(lambda: services.status(runs[0]) == "STARTED", "the first run")
        assert services.status(runs[1]) == "QUEUED"
    wait(lambda: {services.status(run) for run in runs} <= ENDED, "both runs")
    assert [services.status(run) for run in runs] == ["SUCCESS"] * 2
    services.stack.assert_raw_is_the_source()


def test_terminate_ends_a_run_and_frees_the_warehouse(services: Services) -> None:
    services.stack.fill(2_000, 50)
    with services.stack.holding_reads():
        run = services.launch()
        wait(lambda: services.status(run) == "STARTED", "the run")
        answer = services.ask(TERMINATE, run=run, policy="SAFE_TERMINATE")["terminateRun"]["__typename"]
        assert answer == "TerminateRunSuccess"
    wait(lambda: services.status(run) in ENDED, "the end")
    assert services.status(run) == "CANCELED"
    run = services.launch()
    wait(lambda: services.status(run) in ENDED, "the next refresh")
    assert services.status(run) == "SUCCESS"
    services.stack.assert_raw_is_the_source()


def test_a_killed_code_server_leaves_no_run_behind(services: Services) -> None:
    """Its runs are marked as cancelled once it is back, and the next refresh makes good what they left undone."""
    services.stack.fill(3_000, 50)
    with services.stack.holding_reads():
        run = services.launch()
        wait(lambda: services.status(run) == "STARTED", "the run")
        services.kill("dagster")
    services.start_code_server()
    services.ask(TERMINATE, run=run, policy="MARK_AS_CANCELED_IMMEDIATELY")
    assert services.status(run) == "CANCELED"
    run = services.launch()
    wait(lambda: services.status(run) in ENDED, "the next refresh")
    assert services.status(run) == "SUCCESS"
    services.stack.assert_raw_is_the_source()


@pytest.mark.soak
def test_terminate_at_random_moments(services: Services) -> None:
    """Whatever a run is at, it ends within the grace of its step, or was done in the same moment."""
    seed = int(os.environ.get("RETAILFLOW_SOAK_SEED") or time.time())
    generator = random.Random(seed)
    services.stack.fill(10_000, 3_000)
    for number in range(5):
        services.stack.fill(20_000 + 1_000 * number, 300)
        run = services.launch()
        wait(lambda run=run: services.status(run) == "STARTED", "the run")
        moment = generator.uniform(0, 5)
        time.sleep(moment)
        begun = time.monotonic()
        services.ask(TERMINATE, run=run, policy="SAFE_TERMINATE")
        wait(lambda run=run: services.status(run) in ENDED, "the end", seconds=30)
        status = services.status(run)
        print(f"seed {seed}, {number}: {status} {time.monotonic() - begun:.1f} s after an end at {moment:.2f} s")
        if status == "SUCCESS":
            orders = json.loads(services.stack.settings.charts.read_text())["totals"]["orders"]
            assert services.stack.ask_source("select count(*) from production.orders") == [(orders,)]
        else:
            assert status == "CANCELED"
    run = services.launch()
    wait(lambda: services.status(run) in ENDED, "the next refresh")
    assert services.status(run) == "SUCCESS"
    services.stack.assert_raw_is_the_source()
