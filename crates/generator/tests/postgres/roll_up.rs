//! Ticks of long ago become one an hour.

use generator::Config;
use generator::shop::Moment;
use jiff::SignedDuration;

use crate::{SMALL, assert_sound, live, number, open_shop, origin, server};

/// Ticks of ten minutes.
const CONFIG: Config = Config { tick_seconds: 600, ..SMALL };

const LIVE: &str = "SELECT count(*) FROM production.generator_ticks WHERE tick > 0";

/// How often a tick does not begin where the one before it ended, by time and by keys.
pub(crate) const GAPS: &str = "SELECT count(*) FROM (
        SELECT *, lead(window_start) OVER w AS next_window, lead(first_order_id) OVER w AS next_order,
            lead(first_customer_id) OVER w AS next_customer, lead(first_order_item_id) OVER w AS next_item
        FROM production.generator_ticks WHERE tick > 0 WINDOW w AS (ORDER BY tick)
    ) AS tick
    WHERE next_window <> window_end OR next_order <> first_order_id + orders
       OR next_customer <> first_customer_id + customers OR next_item <> first_order_item_id + order_items";

#[tokio::test]
async fn each_hour_becomes_one_tick_and_nothing_that_it_says_is_lost() {
    let server = server().await;
    let mut writer = open_shop(&server, "rolled", &CONFIG).await;
    // From 9:44 to 13:44: five hours, the first and the last of them in part.
    live(&mut writer, &CONFIG, 3.0, 24).await;
    let moment = |hours: i64| Moment::from(origin() + SignedDuration::from_hours(hours));
    // 12:44: the hours from 9, 10 and 11 are over; the last tick of each ends in the hour after.
    assert_eq!(writer.roll_up(moment(3)).await.expect("merging"), 10);
    assert_eq!(writer.roll_up(moment(3)).await.expect("again"), 0);
    assert_eq!(number(writer.client(), LIVE).await, 14);
    assert_eq!(number(writer.client(), GAPS).await, 0);
    assert_sound(writer.client()).await;
    let buried = "SELECT count(*) FROM production.deleted_rows WHERE table_name = 'generator_ticks'";
    assert_eq!(number(writer.client(), buried).await, 10, "the warehouse is told");
    // Later, more of the same hours can be merged.
    writer.roll_up(moment(4)).await.expect("merging");
    live(&mut writer, &CONFIG, 3.0, 30).await;
    assert_eq!(number(writer.client(), GAPS).await, 0);
    assert_sound(writer.client()).await;
}

#[tokio::test]
async fn a_shop_that_lives_on_remembers_so_many_days_one_by_one() {
    let config = Config { tick_days: 1, ..CONFIG };
    let server = server().await;
    let mut writer = open_shop(&server, "long", &config).await;
    let days = 4;
    live(&mut writer, &config, 0.5, days * 144).await;
    // One day of ticks one by one and the hour that is under way, and one an hour before.
    let ticks = number(writer.client(), LIVE).await;
    assert!((144..=144 + 7 + (days - 1) * 24 + 1).contains(&ticks), "{ticks} ticks");
    assert_eq!(number(writer.client(), GAPS).await, 0);
    assert_sound(writer.client()).await;
}
