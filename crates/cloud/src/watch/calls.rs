//! The calls of the shop's function, one by one, as Lambda reports them in the function's log.

use aws_sdk_cloudwatchlogs::Client as Logs;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsOutput;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use jiff::{Timestamp, ToSpan};
use protocol::shop::Invocation;

use crate::failure::{Answer, Refusal};
use crate::session::Session;

/// What a report's line begins with.
const REPORT: &str = "REPORT";

/// The calls of the last `minutes`, newest first; none before there is a function.
pub(super) async fn look(aws: &Session, stack: &str, minutes: u32) -> Result<Vec<Invocation>, Refusal> {
    let since = Timestamp::now() - i64::from(minutes).minutes();
    let call = Logs::new(&aws.config)
        .filter_log_events()
        .log_group_name(format!("/aws/lambda/{stack}-generator"))
        .filter_pattern(REPORT)
        .start_time(since.as_millisecond());
    let pages: Result<Vec<_>, _> = call.into_paginator().send().try_collect().await;
    let pages = pages.if_there("AWS did not tell of the shop's calls")?.unwrap_or_default();
    let mut calls: Vec<_> = pages.iter().flat_map(FilterLogEventsOutput::events).filter_map(read).collect();
    calls.sort_by_key(|call| std::cmp::Reverse(call.at));
    Ok(calls)
}

fn read(event: &FilteredLogEvent) -> Option<Invocation> {
    report(event.message()?, Timestamp::from_millisecond(event.timestamp()?).ok()?)
}

/// Reads a report: fields between tabs, each a name and a value. Source: AWS Lambda Developer Guide, “Viewing logs”.
fn report(line: &str, at: Timestamp) -> Option<Invocation> {
    let fields = line.strip_prefix(REPORT)?.split('\t').filter_map(|field| field.trim().split_once(": "));
    let fields: Vec<(&str, &str)> = fields.collect();
    let text = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let number = |name: &str| text(name)?.split(' ').next()?.parse::<f64>().ok();
    let error = text("Status").map(|status| match text("Error Type") {
        Some(sort) => format!("{status}: {sort}"),
        None => status.to_owned(),
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "megabytes of a function")]
    let memory_mb = number("Max Memory Used").unwrap_or_default().max(0.0) as u32;
    Some(Invocation {
        request: text("RequestId")?.to_owned(),
        at,
        error,
        duration_ms: number("Duration")?,
        billed_ms: number("Billed Duration").unwrap_or_default(),
        memory_mb,
        start_ms: number("Init Duration"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_a_call() {
        let line = "REPORT RequestId: 8f507cfc-0001\tDuration: 102.25 ms\tBilled Duration: 223 ms\tMemory Size: 256 MB\t\
            Max Memory Used: 45 MB\tInit Duration: 120.5 ms\t\n";
        let found = report(line, Timestamp::UNIX_EPOCH).unwrap();
        let wanted = Invocation {
            request: "8f507cfc-0001".into(),
            at: Timestamp::UNIX_EPOCH,
            error: None,
            duration_ms: 102.25,
            billed_ms: 223.0,
            memory_mb: 45,
            start_ms: Some(120.5),
        };
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_report_of_a_failed_call_says_why() {
        let line = "REPORT RequestId: 1\tDuration: 120000.00 ms\tBilled Duration: 120000 ms\tMemory Size: 256 MB\t\
            Max Memory Used: 45 MB\tStatus: timeout";
        assert_eq!(report(line, Timestamp::UNIX_EPOCH).unwrap().error.as_deref(), Some("timeout"));
        let line = "REPORT RequestId: 2\tDuration: 3.10 ms\tStatus: error\tError Type: Runtime.ExitError";
        assert_eq!(report(line, Timestamp::UNIX_EPOCH).unwrap().error.as_deref(), Some("error: Runtime.ExitError"));
        assert_eq!(report("START RequestId: 3 Version: $LATEST", Timestamp::UNIX_EPOCH), None);
    }
}
