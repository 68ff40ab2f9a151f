//! Live ticks follow the clock, and orders take their course.

use std::time::Duration;

use generator::shop::{Moment, Timeline};
use generator::{Advance, Config, LiveEvent, TickRecord, throughput};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::roll_up::GAPS;
use crate::{SMALL, assert_sound, kill_writers, killed, live, number, open_shop, origin, server, writer};

#[tokio::test(flavor = "multi_thread")]
async fn orders_take_their_course() {
    let server = server().await;
    let config = Config { tick_seconds: 3_600, ..SMALL };
    let mut writer = open_shop(&server, "course", &config).await;
    let mut changes = 0;
    for last in [1, 30, 24 * 12] {
        live(&mut writer, &config, 0.2, last).await;
        let tick = writer.last_tick().await.expect("reading").expect("a tick");
        changes += assert_course(writer.client(), &config, &tick).await;
    }
    let recorded = number(writer.client(), "SELECT sum(status_changes) FROM production.generator_ticks").await;
    assert!(recorded > 3_000, "{recorded} status changes in twelve days");
    assert!(changes > 0);
    assert_sound(writer.client()).await;
}

/// Every order is where its timeline says it should be at the end of `tick`; returns how many are under way.
async fn assert_course(client: &Client, config: &Config, tick: &TickRecord) -> usize {
    let rows = client
        .query("SELECT order_id, placed_at, status, updated_at, status_due_at FROM production.orders", &[])
        .await
        .expect("orders");
    for row in &rows {
        let (order_id, placed_at): (i64, Timestamp) = (row.get(0), row.get(1));
        let state = Timeline::new(config.seed, order_id, placed_at.into()).before(tick.window_end.into());
        assert_eq!(row.get::<_, &str>(2), state.status.as_str(), "order {order_id} after tick {}", tick.tick);
        assert_eq!(row.get::<_, Timestamp>(3), state.since.timestamp());
        assert_eq!(row.get::<_, Option<Timestamp>>(4), state.due.map(Moment::timestamp));
    }
    rows.iter().filter(|row| row.get::<_, Option<Timestamp>>(4).is_some()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_shop_catches_up_and_outlives_its_connections() {
    let server = server().await;
    let config = Config { backfill_days: 0, ..SMALL };
    let mut writer = writer(&server, "live").await;
    let opened = Timestamp::now() - SignedDuration::from_mins(3);
    writer.open(&config, opened).await.expect("opening");
    let observer = server.client("live").await;
    kill_writers(&observer, "generator_ticks", "tick", &[3, 20, 60]).await;
    let cancel = CancellationToken::new();
    let mut written = Vec::new();
    let mut waits = 0;
    let until_caught_up = async {
        let caught_up = "SELECT count(*) FROM production.generator_ticks WHERE window_end > now() - interval '4 s'";
        while number(&observer, caught_up).await < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(
        writer.run_live(
            &config,
            || 300.0,
            &cancel,
            |event| match event {
                LiveEvent::Written(record) => written.push(record.clone()),
                LiveEvent::Waiting { .. } => waits += 1,
            }
        ),
        until_caught_up
    );
    result.expect("cancelled in good order");
    assert_eq!(killed(&observer).await, 3);
    assert!(waits >= 3, "three connections were killed, {waits} were noticed");
    assert!(written.len() >= 90, "{} ticks of 2 s in 3 minutes", written.len());
    assert!(written.windows(2).all(|pair| pair[0].tick < pair[1].tick));
    assert!(written.iter().all(|record| record.window_end <= record.written_at), "a window closes first");
    assert_sound(&observer).await;
    let newest = throughput(&observer, 0, 10).await.expect("the newest ticks");
    assert_eq!(newest.len(), 10);
    assert_eq!(newest[9].tick, number(&observer, "SELECT max(tick) FROM production.generator_ticks").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_slept_for_long_catches_up_by_the_hour() {
    let server = server().await;
    let config = Config { backfill_days: 0, ..SMALL };
    let mut writer = writer(&server, "slept").await;
    writer.open(&config, origin()).await.expect("opening");
    let now = origin() + SignedDuration::from_hours(48);
    let mut ticks = 0;
    while let Advance::Wrote(_) = writer.advance(&config, 2.0, now).await.expect("a tick") {
        ticks += 1;
    }
    assert!((48..=50).contains(&ticks), "{ticks} ticks in two days");
    let last = writer.last_tick().await.expect("reading").expect("a tick");
    assert!(now.duration_since(last.window_end) < SignedDuration::from_secs(2), "{last:?}");
    assert_eq!(number(writer.client(), GAPS).await, 0);
    assert_sound(writer.client()).await;
    let orders = number(writer.client(), "SELECT count(*) FROM production.orders").await;
    // As many as were asked for, give or take the season: November is a strong one.
    assert!((4_000..12_000).contains(&orders), "{orders} orders of 5 760");
    let late = "SELECT count(*) FROM production.orders WHERE placed_at >= $1";
    let after: i64 = writer.client().query_one(late, &[&last.window_end]).await.expect(late).get(0);
    assert_eq!(after, 0, "no order of times to come");
    // From here on it keeps to the clock again.
    let next = last.window_end + SignedDuration::from_secs(2);
    let Advance::Wrote(outcome) = writer.advance(&config, 2.0, next).await.expect("a tick") else { panic!("early") };
    assert_eq!(outcome.record().window_end, next);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_shop_keeps_to_the_clock() {
    let server = server().await;
    let config = Config { tick_seconds: 3_600, ..SMALL };
    let mut writer = open_shop(&server, "paused", &config).await;
    live(&mut writer, &config, 0.0, 24).await;
    let live_ticks = throughput(writer.client(), 0, 100).await.expect("ticks");
    assert_eq!(live_ticks.len(), 24);
    assert_eq!(live_ticks.iter().map(|tick| tick.orders).sum::<i32>(), 0);
    assert!(live_ticks.iter().map(|tick| tick.status_changes).sum::<i32>() > 100, "parcels still arrive");
    let early = writer.advance(&config, 1.0, live_ticks[23].window_end).await.expect("no error");
    let closes = live_ticks[23].window_end + SignedDuration::from_hours(1);
    assert_eq!(early, Advance::Early { closes });
}
