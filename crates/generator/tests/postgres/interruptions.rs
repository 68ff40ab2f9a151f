//! Ticks are written exactly once, whatever breaks in between.

use generator::shop::Window;
use generator::{Config, Error, Outcome, Plan, Writer};
use tokio_util::sync::CancellationToken;

use crate::{
    SMALL, assert_sound, backfill, checksums, kill_writers, killed, live, number, open_shop, origin, server, writer,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_tick_adds_nothing() {
    let server = server().await;
    let mut writer = open_shop(&server, "repeated", &SMALL).await;
    live(&mut writer, &SMALL, 600.0, 5).await;
    let before = checksums(writer.client()).await;
    let last = writer.last_tick().await.expect("reading").expect("a tick");
    let window = Window { start: last.window_start.into(), end: last.window_end.into() };
    let plan = Plan { seed: 42, number: last.tick, window, rate: 9_999.0 };
    for _ in 0..3 {
        let outcome = writer.write_tick(&plan).await.expect("no error");
        assert_eq!(outcome, Outcome::AlreadyWritten(last.clone()));
        writer.prepare().await.expect("preparing again");
        let summary = backfill(&mut writer, &SMALL).await.expect("filling in again");
        assert_eq!((summary.ticks, summary.rows), (0, 0));
    }
    assert_eq!(checksums(writer.client()).await, before);
    assert_sound(writer.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_leave_the_shop_as_if_nothing_had_happened() {
    const BIG: Config = Config { seed: 7, tick_seconds: 2, backfill_days: 4, orders_per_day: 25_000.0, tick_days: 7 };
    let server = server().await;
    let undisturbed = open_shop(&server, "undisturbed", &BIG).await;

    let mut disturbed = writer(&server, "disturbed").await;
    disturbed.open(&BIG, origin()).await.expect("opening");
    let observer = server.client("disturbed").await;
    // At a first row, in the midst of a COPY, at one of a later COPY of the same day, and on another day.
    kill_writers(&observer, "orders", "order_id", &[1, 10_000, 20_001, 60_000]).await;
    let mut failures = 0;
    while let Err(error) = backfill(&mut disturbed, &BIG).await {
        assert!(error.is_transient(), "{error}");
        failures += 1;
        disturbed = Writer::connect(&server.config("disturbed")).await.expect("connecting again");
    }
    assert_eq!((failures, killed(&observer).await), (4, 4));
    assert_eq!(checksums(disturbed.client()).await, checksums(undisturbed.client()).await);
    assert_sound(disturbed.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_at_once_write_one_shop() {
    let server = server().await;
    let alone = open_shop(&server, "alone", &SMALL).await;
    let mut first = writer(&server, "shared").await;
    let mut second = Writer::connect(&server.config("shared")).await.expect("connecting");
    first.open(&SMALL, origin()).await.expect("opening");
    let (one, two) = tokio::join!(backfill(&mut first, &SMALL), backfill(&mut second, &SMALL));
    let (one, two) = (one.expect("the first"), two.expect("the second"));
    assert_eq!(one.ticks + two.ticks, 3, "each day was written by one of them");
    assert_eq!(checksums(first.client()).await, checksums(alone.client()).await);

    tokio::join!(live(&mut first, &SMALL, 600.0, 50), live(&mut second, &SMALL, 600.0, 50));
    assert_sound(first.client()).await;
    let ticks = "SELECT count(*) FROM production.generator_ticks WHERE tick > 0";
    assert!((50..=51).contains(&number(first.client(), ticks).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_rolls_the_unfinished_day_back() {
    const BIG: Config = Config { seed: 7, tick_seconds: 2, backfill_days: 3, orders_per_day: 30_000.0, tick_days: 7 };
    let server = server().await;
    let undisturbed = open_shop(&server, "patient", &BIG).await;
    let mut hasty = writer(&server, "hasty").await;
    hasty.open(&BIG, origin()).await.expect("opening");
    let cancel = CancellationToken::new();
    let mut told = 0;
    let result = hasty
        .backfill(&BIG, &cancel, |progress| {
            told += 1;
            if progress.ticks_done == 2 {
                cancel.cancel();
            }
        })
        .await;
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert!(told > 2, "progress is told more often than once a day");
    let last = hasty.last_tick().await.expect("the connection still works").expect("a tick");
    assert_eq!(last.tick, -3, "the second day was cancelled");
    assert_sound(hasty.client()).await;
    let summary = backfill(&mut hasty, &BIG).await.expect("going on");
    assert_eq!((summary.ticks, summary.days), (2, 3));
    assert_eq!(checksums(hasty.client()).await, checksums(undisturbed.client()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_apart() {
    let server = server().await;
    let mut writer = writer(&server, "mistakes").await;
    let error = writer.advance(&SMALL, 1.0, origin()).await.expect_err("no shop");
    assert!(matches!(error, Error::NotOpened), "{error}");
    writer.open(&SMALL, origin()).await.expect("opening");
    let error = writer.advance(&SMALL, 1.0, origin()).await.expect_err("no history");
    assert!(matches!(error, Error::HistoryIncomplete { days: 3 }), "{error}");
    let other = Config { seed: 43, ..SMALL };
    let error = backfill(&mut writer, &other).await.expect_err("another seed");
    assert!(matches!(error, Error::SeedMismatch { existing: 42, asked: 43 }), "{error}");
    let genesis = writer.last_tick().await.expect("reading").expect("tick 0");
    let first = Plan::history(&genesis).expect("a day of history");
    let error = writer.write_tick(&Plan { number: -1, ..first }).await.expect_err("too early");
    assert!(matches!(error, Error::OutOfOrder { asked: -1, expected: -3 }), "{error}");
    let error = writer.write_tick(&Plan { rate: f64::NAN, ..first }).await.expect_err("no rate");
    assert!(matches!(error, Error::InvalidConfig { setting: "rate", .. }), "{error}");
    let error = Writer::connect(&server.config("nowhere")).await.expect_err("no such database");
    assert!(!error.is_transient());
    assert_eq!(error.to_string(), "could not connect to PostgreSQL: database \"nowhere\" does not exist [3D000]");
}
