//! What a stack costs an hour, line by line, from the price table beside this file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cloud::Prices;
use jiff::Timestamp;
use protocol::{AwsConfig, Cost, CostLine};
use serde::Deserialize;

/// Hours in a month, as AWS counts them.
const HOURS_A_MONTH: f64 = 730.0;

/// The hosts' disks in GiB, as `terraform/foundation` makes them: of the system and images, then of the data.
const SYSTEM_DISKS: f64 = 3.0 * 30.0 + 60.0;
const DATA_DISKS: f64 = 50.0 + 20.0 + 10.0;

const HOSTS: f64 = 4.0;
const SECRETS: f64 = 6.0;
const ALARMS: f64 = 2.0;

/// The three images, compressed, and what the services log, both in GB.
const IMAGES: f64 = 1.2;
const LOGS_A_DAY: f64 = 0.1;

/// The function's memory in GB and its usual time for a tick in seconds.
const FUNCTION_MEMORY: f64 = 0.25;
const FUNCTION_SECONDS: f64 = 2.0;

static PRICES: LazyLock<Table> = LazyLock::new(|| {
    // It is part of the program; a test reads it.
    toml::from_str(include_str!("prices.toml")).unwrap_or_default()
});

#[derive(Default, Deserialize)]
struct Table {
    read_on: String,
    regions: BTreeMap<String, Regional>,
    everywhere: Everywhere,
}

#[derive(Default, Deserialize)]
struct Regional {
    t3_medium: f64,
    m6i_large: f64,
    gp3_gb_month: f64,
    endpoint_hour: f64,
}

#[derive(Default, Deserialize)]
struct Everywhere {
    public_ipv4_hour: f64,
    secret_month: f64,
    alarm_month: f64,
    image_gb_month: f64,
    log_gb: f64,
    function_gb_second: f64,
}

/// The cost of a stack with these settings, from the table. Nothing is asked of the network.
pub(crate) fn cost(config: &AwsConfig) -> Cost {
    cost_at(config, &Prices::default())
}

/// The cost at the prices that AWS told today, as far as it did; the rest is the table's.
pub(crate) fn cost_at(config: &AwsConfig, asked: &Prices) -> Cost {
    let known = PRICES.regions.get(&config.region);
    let (name, regional) = match known {
        Some(regional) => (config.region.as_str(), regional),
        None => dearest(),
    };
    let hosts = [
        ("PostgreSQL's host", &config.hosts.postgres),
        ("Airbyte's host", &config.hosts.airbyte),
        ("Dagster's host", &config.hosts.dagster),
        ("Metabase's host", &config.hosts.metabase),
    ];
    let mut unpriced = Vec::new();
    let mut lines: Vec<CostLine> = Vec::new();
    let mut all_told = true;
    for (what, size) in hosts {
        all_told &= asked.hosts.contains_key(size);
        let hourly = asked.hosts.get(size).copied().or_else(|| regional.instance(size));
        if hourly.is_none() {
            unpriced.push(size.as_str());
        }
        lines.push(line(what, format!("{size}, on demand"), hourly.unwrap_or_default(), false));
    }
    let gp3_gb_month = asked.gp3_gb_month.unwrap_or(regional.gp3_gb_month);
    lines.extend(rest(config, regional, gp3_gb_month));
    // Hosts and disks are nearly all of it.
    let today = (all_told && asked.gp3_gb_month.is_some()).then(|| Timestamp::now().strftime("%Y-%m-%d").to_string());
    let stand_in = known.is_none() && today.is_none();
    Cost {
        region: config.region.clone(),
        prices_of: today.unwrap_or_else(|| PRICES.read_on.clone()),
        lines,
        note: note(stand_in.then_some(name), &unpriced),
    }
}

/// The instance types that a stack with these settings consists of.
pub(crate) fn types(config: &AwsConfig) -> BTreeSet<&str> {
    let hosts = &config.hosts;
    [&hosts.postgres, &hosts.airbyte, &hosts.dagster, &hosts.metabase].into_iter().map(String::as_str).collect()
}

fn rest(config: &AwsConfig, regional: &Regional, gp3_gb_month: f64) -> [CostLine; 8] {
    let all = &PRICES.everywhere;
    let monthly = |dollars: f64| dollars / HOURS_A_MONTH;
    let ticks_an_hour = 60.0 / f64::from(config.tick_minutes.max(1));
    let function = ticks_an_hour * FUNCTION_SECONDS * FUNCTION_MEMORY * all.function_gb_second;
    let disk = |gigabytes: f64| monthly(gigabytes * gp3_gb_month);
    [
        line("Public addresses", format!("{HOSTS} IPv4 addresses"), HOSTS * all.public_ipv4_hour, false),
        line("System disks", format!("{SYSTEM_DISKS} GiB gp3"), disk(SYSTEM_DISKS), true),
        line("Data disks", format!("{DATA_DISKS} GiB gp3"), disk(DATA_DISKS), true),
        line(
            "Private door to Secrets Manager",
            "an interface endpoint in one zone".into(),
            regional.endpoint_hour,
            true,
        ),
        line("Secrets", format!("{SECRETS} secrets"), monthly(SECRETS * all.secret_month), true),
        line("Images", format!("about {IMAGES} GB in ECR"), monthly(IMAGES * all.image_gb_month), true),
        line(
            "Logs and alarms",
            format!("about {LOGS_A_DAY} GB of logs a day, {ALARMS} alarms"),
            LOGS_A_DAY * all.log_gb / 24.0 + monthly(ALARMS * all.alarm_month),
            false,
        ),
        line("The shop", format!("a Lambda function, {ticks_an_hour} ticks an hour"), function, false),
    ]
}

fn line(what: &str, detail: String, hourly: f64, when_stopped: bool) -> CostLine {
    CostLine { what: what.to_owned(), detail, hourly, when_stopped }
}

/// What the figures leave open.
fn note(stand_in: Option<&str>, unpriced: &[&str]) -> Option<String> {
    let region = stand_in.map(|name| {
        format!("This region is not in the price table; the figures are those of {name}, the dearest in it.")
    });
    let sizes = (!unpriced.is_empty())
        .then(|| format!("The price of {} is not in the table and is left out.", unpriced.join(", ")));
    let notes: Vec<String> = region.into_iter().chain(sizes).collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}

fn dearest() -> (&'static str, &'static Regional) {
    static NONE: LazyLock<Regional> = LazyLock::new(Regional::default);
    let dearest = PRICES.regions.iter().max_by(|(_, a), (_, b)| a.t3_medium.total_cmp(&b.t3_medium));
    dearest.map_or(("", &NONE), |(name, regional)| (name.as_str(), regional))
}

impl Regional {
    /// Dollars an hour of an instance type, if its family is in the table. Within a family the price follows the size.
    fn instance(&self, instance_type: &str) -> Option<f64> {
        let (family, size) = instance_type.split_once('.')?;
        let mediums = match size {
            "nano" => 0.125,
            "micro" => 0.25,
            "small" => 0.5,
            "medium" => 1.0,
            "large" => 2.0,
            "xlarge" => 4.0,
            "2xlarge" => 8.0,
            "4xlarge" => 16.0,
            _ => return None,
        };
        match family {
            "t3" if mediums <= 8.0 => Some(self.t3_medium * mediums),
            "m6i" if mediums >= 2.0 => Some(self.m6i_large * mediums / 2.0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::aws::HostSizes;

    use super::*;

    fn config(region: &str) -> AwsConfig {
        AwsConfig { region: region.to_owned(), ..AwsConfig::default() }
    }

    #[test]
    fn the_table_is_read_and_priced_by_region() {
        let virginia = cost(&config("us-east-1"));
        assert_eq!(virginia.note, None);
        let hosts: f64 =
            virginia.lines.iter().filter(|line| line.detail.contains("on demand")).map(|line| line.hourly).sum();
        assert!((hosts - (3.0 * 0.0416 + 0.0832)).abs() < 1e-9, "{hosts}");
        assert!(cost(&config("eu-central-1")).hourly() > virginia.hourly());
    }

    #[test]
    fn what_aws_told_today_counts_more_than_the_table() {
        let config = config("us-east-1");
        let hosts = types(&config).into_iter().map(|kind| (kind.to_owned(), 1.0)).collect();
        let asked = Prices { hosts, gp3_gb_month: Some(7.3) };
        let cost = cost_at(&config, &asked);
        assert!(cost.hourly() > 4.0 + 2.0, "{}", cost.hourly());
        assert_ne!(cost.prices_of, PRICES.read_on);
        assert_eq!(cost_at(&config, &Prices { gp3_gb_month: None, ..asked }).prices_of, PRICES.read_on);
    }

    #[test]
    fn stopped_hosts_cost_less_but_not_nothing() {
        let cost = cost(&config("us-east-1"));
        assert!(cost.hourly_stopped() > 0.0 && cost.hourly_stopped() < cost.hourly() / 3.0);
    }

    #[test]
    fn what_is_not_in_the_table_is_said() {
        assert!(cost(&config("sa-east-1")).note.unwrap().contains("ap-southeast-2"));
        let hosts = HostSizes { airbyte: "p5.48xlarge".to_owned(), ..HostSizes::default() };
        let cost = cost(&AwsConfig { hosts, ..config("us-east-1") });
        assert!(cost.note.unwrap().contains("p5.48xlarge"));
    }
}
