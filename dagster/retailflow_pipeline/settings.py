"""The pipeline's settings: the only module that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """A setting is missing or malformed; the message names the variable and says what it should hold."""


@dataclass(frozen=True)
class Settings:
    """Where the pipeline reads, works and writes."""

    source_dsn: str
    """libpq URI of the shop's PostgreSQL."""
    warehouse: Path
    """The DuckDB file."""
    dbt_project: Path
    """Folder of the dbt project; its `target/manifest.json` is built at set-up."""
    charts: Path
    """The JSON file the charts are drawn from."""
    dlt_dir: Path
    """Folder where dlt keeps packages while it loads."""
    refresh_minutes: int
    """Minutes between scheduled refreshes; 0 switches the schedule off."""
    dagster_runs: int
    """Runs that Dagster keeps, of all jobs."""
    deleted_days: int
    """Days for which the source remembers deleted rows that are loaded."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings. Raises `SettingsError` when one is missing or malformed."""
        return cls(
            source_dsn=_required(environment, "RETAILFLOW_SOURCE_DSN"),
            warehouse=_path(environment, "RETAILFLOW_WAREHOUSE"),
            dbt_project=_path(environment, "RETAILFLOW_DBT_PROJECT"),
            charts=_path(environment, "RETAILFLOW_CHARTS"),
            dlt_dir=_path(environment, "RETAILFLOW_DLT_DIR"),
            refresh_minutes=_minutes(environment, "RETAILFLOW_REFRESH_MINUTES"),
            dagster_runs=_count(environment, "RETAILFLOW_DAGSTER_RUNS", 500),
            deleted_days=_count(environment, "RETAILFLOW_DELETED_DAYS", 7),
        )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set. Set it in the environment of every Dagster process.")
    return value


def _path(environment: Mapping[str, str], name: str) -> Path:
    path = Path(_required(environment, name))
    if not path.is_absolute():
        raise SettingsError(f"{name} must be an absolute path, and is `{path}`: Dagster changes its working folder.")
    return path


def _minutes(environment: Mapping[str, str], name: str) -> int:
    value = environment.get(name, "0")
    if not value.isdecimal() or int(value) > 24 * 60:
        raise SettingsError(f"{name} must be whole minutes from 0 (off) to 1440, and is `{value}`.")
    return int(value)


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, str(default))
    if not value.isdecimal() or int(value) == 0:
        raise SettingsError(f"{name} must be a whole number above 0, and is `{value}`.")
    return int(value)
