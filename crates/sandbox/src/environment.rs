//! The environment of the Python projects, see `dagster/retailflow_pipeline/settings.py`.

use std::ffi::OsString;
use std::path::Path;

use engine::process::{Environment, PLACE};

use crate::database;
use crate::site::Site;

/// What the Python projects read. They reach nothing beyond the stack, and their home is in it: what the user has told dlt, dbt
/// or Dagster of other projects does not count here.
pub(crate) fn of_python(site: &Site) -> Environment {
    let folder = &site.folder;
    let project = folder.project();
    let own: [(&str, OsString); 14] = [
        ("RETAILFLOW_SOURCE_DSN", database::dsn(folder).into()),
        ("RETAILFLOW_WAREHOUSE", folder.warehouse().join("shop.duckdb").into()),
        ("RETAILFLOW_DBT_PROJECT", project.join("dbt").into()),
        ("RETAILFLOW_CHARTS", folder.charts_file().into()),
        ("RETAILFLOW_DLT_DIR", folder.warehouse().join("dlt").into()),
        ("RETAILFLOW_REFRESH_MINUTES", site.config.refresh_minutes.to_string().into()),
        ("RETAILFLOW_DAGSTER_RUNS", site.keep.dagster_runs.to_string().into()),
        ("RETAILFLOW_DELETED_DAYS", site.keep.deleted_days.to_string().into()),
        ("DAGSTER_HOME", folder.dagster().into()),
        ("HOME", folder.dagster().into()),
        ("PYTHONPATH", project.join("dagster").into()),
        ("PYTHONUNBUFFERED", "1".into()),
        ("PYTHONUTF8", "1".into()),
        ("PATH", path_with(&site.program(""))),
    ];
    Environment::inheriting(&[PLACE]).with(own)
}

/// The search path with the environment's programs first: Dagster starts `dbt` by its name.
fn path_with(programs: &Path) -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&rest))).unwrap_or(rest)
}
