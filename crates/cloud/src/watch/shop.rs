//! The shop's function, and what it writes as metrics.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use futures::future::try_join3;
use jiff::{Timestamp, ToSpan};
use protocol::service::{Health, ServiceStatus};
use protocol::shop::TickSample;

use crate::failure::{Answer, Refusal};
use crate::session::Session;

/// The namespace of the metrics in the function's log, each with the one dimension [`DIMENSION`].
pub const NAMESPACE: &str = "RetailFlow";

/// The dimension, whose value is the stack's name.
pub const DIMENSION: &str = "Stack";

/// The metrics of a tick, in the order of [`TickSample`]: its number, counts, and milliseconds.
pub const METRICS: [&str; 6] = ["Tick", "Orders", "Rows", "StatusChanges", "GenerateMilliseconds", "WriteMilliseconds"];

/// Seconds of one point of a metric: a tick comes once a minute at most.
const MINUTE: i32 = 60;

/// The span over which calls and errors are counted, in seconds.
const HOUR: i32 = 3600;

/// The shop's function.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shop {
    /// Whether it exists and can be called.
    ready: bool,
    /// Why not, or what it is doing.
    state: String,
    /// How often it is called, as AWS says it, for example `rate(3 minutes)`; none if there is no rule.
    schedule: Option<String>,
    /// Whether the rule fires.
    fires: bool,
    /// Megabytes of memory.
    memory: i32,
    /// Calls in the last hour.
    calls: u64,
    /// Those that failed.
    errors: u64,
}

impl Shop {
    pub(super) fn status(&self) -> ServiceStatus {
        let schedule = self.schedule.as_deref().unwrap_or("no schedule");
        let calls = format!("{} MB; {} calls and {} errors in the last hour", self.memory, self.calls, self.errors);
        let (health, detail) = match *self {
            Self { ready: false, .. } => (Health::Stopped, self.state.clone()),
            Self { fires: false, .. } => (Health::Stopped, "its rule is switched off".to_owned()),
            Self { calls: 0, .. } => (Health::Starting, format!("{schedule}; not called yet")),
            // Every second one: a single error is made up for by the next try.
            _ if self.errors * 2 >= self.calls => (Health::Unhealthy, format!("{schedule}; {calls}")),
            _ => (Health::Healthy, format!("{schedule}; {calls}")),
        };
        super::status("generator", "Shop", health, detail)
    }
}

pub(super) async fn look(aws: &Session, stack: &str) -> Result<Shop, Refusal> {
    let name = format!("{stack}-generator");
    let lambda = aws_sdk_lambda::Client::new(&aws.config);
    let events = aws_sdk_eventbridge::Client::new(&aws.config);
    let (function, rule, calls) = try_join3(
        async {
            let call = lambda.get_function_configuration().function_name(&name);
            call.send().await.if_there("AWS did not tell of the shop's function")
        },
        async {
            let call = events.describe_rule().name(format!("{stack}-tick"));
            call.send().await.if_there("AWS did not tell of the shop's rule")
        },
        Box::pin(calls(aws, &name)),
    )
    .await?;
    let state = function.as_ref().map(|function| function.state().map_or("Active", |state| state.as_str()).to_owned());
    let reason = function.as_ref().and_then(|function| function.state_reason()).map(|reason| format!(": {reason}"));
    Ok(Shop {
        // Lambda puts what is not called for long to sleep, and wakes it with the next call.
        ready: state.as_deref().is_some_and(|state| state == "Active" || state == "Inactive"),
        state: state.map_or("not there".to_owned(), |state| state + &reason.unwrap_or_default()),
        fires: rule.as_ref().and_then(|rule| rule.state()).is_some_and(|state| state.as_str() == "ENABLED"),
        schedule: rule.and_then(|rule| rule.schedule_expression),
        memory: function.and_then(|function| function.memory_size).unwrap_or_default(),
        calls: calls.0,
        errors: calls.1,
    })
}

/// How often it was called in the last hour, and how often in vain.
async fn calls(aws: &Session, function: &str) -> Result<(u64, u64), Refusal> {
    let names = ["Invocations", "Errors"];
    let dimension = ("FunctionName", function);
    let found = read(aws, "AWS/Lambda", &names, dimension, HOUR, 60).await?;
    let sum = |name: &str| found[name].values().sum::<f64>().max(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of calls in one hour")]
    let whole = |value: f64| value.round() as u64;
    Ok((whole(sum(names[0])), whole(sum(names[1]))))
}

pub(super) async fn samples(aws: &Session, stack: &str, minutes: u32) -> Result<Vec<TickSample>, Refusal> {
    let found = read(aws, NAMESPACE, &METRICS, (DIMENSION, stack), MINUTE, minutes.min(1440)).await?;
    Ok(found[METRICS[0]].keys().filter_map(|second| sample(&found, *second)).collect())
}

type Points = BTreeMap<String, BTreeMap<i64, f64>>;

/// The tick of a minute.
fn sample(found: &Points, second: i64) -> Option<TickSample> {
    let [tick, orders, rows, status_changes, generate_ms, write_ms] =
        METRICS.map(|name| found.get(name).and_then(|points| points.get(&second)).copied().unwrap_or_default());
    #[expect(clippy::cast_possible_truncation, reason = "counts, far below 2^53")]
    let whole = |value: f64| value.round() as i64;
    Some(TickSample {
        tick: whole(tick),
        at: Timestamp::from_second(second).ok()?,
        until: None,
        orders: whole(orders),
        rows: whole(rows),
        status_changes: whole(status_changes),
        generate_ms,
        write_ms,
    })
}

/// Metrics of the last `minutes` by name and second, in points of `period` seconds.
async fn read(
    aws: &Session,
    namespace: &str,
    names: &[&str],
    (key, value): (&str, &str),
    period: i32,
    minutes: u32,
) -> Result<Points, Refusal> {
    let now = Timestamp::now();
    let since = now - i64::from(minutes).minutes();
    // A point belongs to the second it begins in, and the end does not count.
    let until = now + 1.minute();
    let dimension = Dimension::builder().name(key).value(value).build();
    let queries = names.iter().enumerate().map(|(number, name)| {
        let metric = Metric::builder().namespace(namespace).metric_name(*name).dimensions(dimension.clone()).build();
        // The number of a tick is no sum, and the highest is the latest.
        let statistic = if *name == METRICS[0] { "Maximum" } else { "Sum" };
        let statistic = MetricStat::builder().metric(metric).period(period).stat(statistic).build();
        MetricDataQuery::builder().id(format!("m{number}")).label(*name).metric_stat(statistic).build()
    });
    let call = CloudWatch::new(&aws.config)
        .get_metric_data()
        .set_metric_data_queries(Some(queries.collect()))
        .start_time(DateTime::from_secs(since.as_second()))
        .end_time(DateTime::from_secs(until.as_second()))
        .scan_by(ScanBy::TimestampAscending);
    let pages: Result<Vec<_>, _> = call.into_paginator().send().try_collect().await;
    let mut points: Points = names.iter().map(|name| ((*name).to_owned(), BTreeMap::new())).collect();
    for result in pages.told("AWS did not tell the metrics")?.iter().flat_map(GetMetricDataOutput::metric_data_results)
    {
        let number = result.id().and_then(|id| id.strip_prefix('m')?.parse::<usize>().ok());
        let Some(series) = number.and_then(|number| points.get_mut(*names.get(number)?)) else { continue };
        let seconds = result.timestamps().iter().map(DateTime::secs);
        series.extend(seconds.zip(result.values().iter().copied()));
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Shop {
        Shop {
            ready: true,
            state: "Active".into(),
            schedule: Some("rate(3 minutes)".into()),
            fires: true,
            memory: 256,
            calls: 20,
            errors: 1,
        }
    }

    #[test]
    fn the_shop_is_as_well_as_its_calls() {
        assert_eq!(shop().status().health, Health::Healthy);
        assert!(shop().status().detail.contains("20 calls and 1 errors"));
        assert_eq!(Shop { errors: 10, ..shop() }.status().health, Health::Unhealthy);
        assert_eq!(Shop { calls: 0, errors: 0, ..shop() }.status().health, Health::Starting);
        assert_eq!(Shop { fires: false, ..shop() }.status().health, Health::Stopped);
        let gone = Shop { ready: false, state: "not there".into(), ..shop() }.status();
        assert_eq!((gone.health, gone.detail.as_str()), (Health::Stopped, "not there"));
    }

    #[test]
    fn a_minute_of_metrics_is_a_tick() {
        let values = [7.0, 60.0, 191.0, 12.0, 1.5, 8.25];
        let mut points: Points =
            METRICS.iter().zip(values).map(|(name, value)| ((*name).to_owned(), [(60, value)].into())).collect();
        let found = sample(&points, 60).unwrap();
        assert_eq!((found.tick, found.orders, found.rows, found.status_changes), (7, 60, 191, 12));
        assert!((found.write_ms - 8.25).abs() < f64::EPSILON);
        points.get_mut("Orders").unwrap().clear();
        assert_eq!(sample(&points, 60).unwrap().orders, 0);
    }
}
