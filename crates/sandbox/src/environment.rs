//! The environment of the Python projects, see `dagster/retailflow_pipeline/settings.py`.

use std::ffi::OsString;
use std::path::Path;

use crate::database;
use crate::site::Site;

/// What the Python projects read.
pub(crate) fn of_python(site: &Site) -> Vec<(OsString, OsString)> {
    let folder = &site.folder;
    let project = folder.project();
    let pairs: [(&str, OsString); 13] = [
        ("RETAILFLOW_SOURCE_DSN", database::dsn(folder).into()),
        ("RETAILFLOW_WAREHOUSE", folder.warehouse().join("shop.duckdb").into()),
        ("RETAILFLOW_DBT_PROJECT", project.join("dbt").into()),
        ("RETAILFLOW_CHARTS", folder.charts_file().into()),
        ("RETAILFLOW_DLT_DIR", folder.warehouse().join("dlt").into()),
        ("RETAILFLOW_REFRESH_MINUTES", site.config.refresh_minutes.to_string().into()),
        ("RETAILFLOW_DAGSTER_RUNS", site.keep.dagster_runs.to_string().into()),
        ("RETAILFLOW_DELETED_DAYS", site.keep.deleted_days.to_string().into()),
        ("DAGSTER_HOME", folder.dagster().into()),
        ("PYTHONPATH", project.join("dagster").into()),
        ("PYTHONUNBUFFERED", "1".into()),
        // Whatever the user set: compiled once, modules load in half the time, and the stack owns where they lie.
        ("PYTHONDONTWRITEBYTECODE", "".into()),
        ("PATH", path_with(&site.program(""))),
    ];
    pairs.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// The search path with the environment's programs first: Dagster starts `dbt` by its name.
fn path_with(programs: &Path) -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&rest))).unwrap_or(rest)
}
