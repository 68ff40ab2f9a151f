//! The variables of each root. None of them is a secret.

use jiff::{SignedDuration, Timestamp};
use protocol::Failure;
use serde_json::{Map, Value, json};
use stack::files;

use crate::names::RootName;
use crate::site::Site;
use crate::{function, image};

/// The foundation's outputs that the services are given.
pub(crate) const FOUNDATION: [&str; 7] =
    ["cluster", "instance_ids", "log_groups", "private_ips", "secret_arns", "security_group_ids", "subnet_ids"];

/// A root's variables.
pub(crate) struct Variables {
    pub(crate) values: Map<String, Value>,
    /// Whether some are placeholders for what an earlier root or a push is yet to give.
    pub(crate) forecast: bool,
}

/// The variables as far as they can be known now.
pub(crate) async fn of(site: &Site, root: RootName) -> Result<Variables, Failure> {
    let config = &site.config;
    let mut values = json!({
        "stack_id": site.name.as_str(),
        "account_id": config.account_id,
        "region": config.region,
    });
    let mut forecast = false;
    match root {
        RootName::Registry => {}
        RootName::Foundation => {
            let hosts = &config.hosts;
            values["instance_types"] = json!({
                "postgres": hosts.postgres, "airbyte": hosts.airbyte,
                "dagster": hosts.dagster, "metabase": hosts.metabase,
            });
        }
        RootName::Services => {
            let (foundation, images) = (site.foundation().await?, image::references(site));
            forecast = foundation.is_none() || images.is_none();
            let foundation = foundation.unwrap_or_else(|| placeholder(site));
            values["foundation"] =
                FOUNDATION.iter().map(|name| ((*name).to_owned(), foundation[*name].clone())).collect();
            values["images"] = images.unwrap_or_else(|| image::placeholders(site));
            values["function_zip"] = json!(function::package_of(site));
            values["seed"] = json!(site.shop.seed);
            values["backfill_days"] = json!(site.shop.backfill_days);
            values["tick_minutes"] = json!(config.tick_minutes);
            values["orders_per_minute"] = json!(site.shop.orders_per_minute);
            values["stop_at"] = json!(stop_at(site)?);
        }
    }
    let values = values.as_object().cloned().unwrap_or_default();
    Ok(Variables { values, forecast })
}

/// What the foundation will give, in shape: enough to plan the same resources from.
fn placeholder(site: &Site) -> Value {
    let (region, account, name) = (&site.config.region, &site.config.account_id, &site.name);
    let each = |names: &[&str], value: &dyn Fn(&str) -> String| -> Value {
        names.iter().map(|name| ((*name).to_owned(), Value::String(value(name)))).collect()
    };
    let hosts = ["airbyte", "dagster", "metabase", "postgres"];
    let secrets = ["airbyte", "dagster-database", "metabase", "metabase-database", "postgres", "snowflake"];
    json!({
        "cluster": format!("arn:aws:ecs:{region}:{account}:cluster/{name}"),
        "instance_ids": each(&hosts, &|_| "i-00000000000000000".to_owned()),
        "log_groups": each(&["dagster", "metabase", "postgres"], &|host| format!("/retailflow/{name}/{host}")),
        "private_ips": each(&hosts, &|_| "10.42.0.10".to_owned()),
        "secret_arns": each(&secrets, &|secret| {
            format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}/{secret}-000000")
        }),
        "security_group_ids": each(&["airbyte", "dagster", "generator", "metabase", "postgres", "secrets", "tunnel"], &|_| {
            "sg-00000000000000000".to_owned()
        }),
        "subnet_ids": ["subnet-00000000000000000", "subnet-00000000000000001"],
    })
}

/// When the hosts and the shop are stopped, as Terraform is told: settled when the stack is first planned, because a
/// plan that were made later would otherwise differ.
fn stop_at(site: &Site) -> Result<Option<String>, Failure> {
    if site.config.lifetime_hours == 0 {
        return Ok(None);
    }
    let path = site.folder.path().join("stop-at");
    if let Ok(settled) = std::fs::read_to_string(&path) {
        return Ok(Some(settled.trim().to_owned()));
    }
    let end = Timestamp::now() + SignedDuration::from_hours(i64::from(site.config.lifetime_hours));
    let text = end.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    files::write_atomically(&path, text.as_bytes())
        .map_err(|error| Failure::environment(format!("{} could not be written", path.display())).source(&error))?;
    Ok(Some(text))
}
