//! Ticks of long ago become one an hour: what they wrote stays known, how it was cut up does not.

use super::{Writer, write};
use crate::error::{During, Error};
use crate::shop::{HOUR, Moment};

/// The last tick of an hour takes in the others of that hour. Windows, keys and numbers of rows join as before, and nobody asks
/// for any of them by its number: a tick that is written again is always the latest. The ticks of an hour follow one another, so
/// that those to go are found by key: a stack that lived long before its ticks were merged has millions of them.
const MERGE: &str = "
    WITH merged AS (
        SELECT max(tick) AS tick, min(tick) AS first, min(window_start) AS window_start, avg(rate) AS rate,
            sum(customers)::int AS customers, sum(orders)::int AS orders, sum(order_items)::int AS order_items,
            sum(status_changes)::int AS status_changes, min(first_customer_id) AS first_customer_id,
            min(first_order_id) AS first_order_id, min(first_order_item_id) AS first_order_item_id,
            sum(generate_ms) AS generate_ms, sum(write_ms) AS write_ms
        FROM production.generator_ticks
        WHERE tick > 0 AND window_end <= $1
        GROUP BY date_trunc('hour', window_start, 'UTC')
        HAVING count(*) > 1
    ), kept AS (
        UPDATE production.generator_ticks AS tick
        SET (window_start, rate, customers, orders, order_items, status_changes,
             first_customer_id, first_order_id, first_order_item_id, generate_ms, write_ms)
          = (merged.window_start, merged.rate, merged.customers, merged.orders, merged.order_items, merged.status_changes,
             merged.first_customer_id, merged.first_order_id, merged.first_order_item_id, merged.generate_ms, merged.write_ms)
        FROM merged
        WHERE tick.tick = merged.tick
    )
    DELETE FROM production.generator_ticks AS tick
    USING merged
    WHERE tick.tick >= merged.first AND tick.tick < merged.tick";

impl Writer {
    /// Merges the live ticks of each hour that was over by `before` into one; gives how many rows there are less. To do it again
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error::Query`] if PostgreSQL refuses or goes away; then nothing was changed.
    pub async fn roll_up(&mut self, before: Moment) -> Result<u64, Error> {
        const DURING: &str = "merging ticks of long ago";
        let hour = Moment::from_micros(before.as_micros() - before.as_micros().rem_euclid(HOUR));
        let transaction = self.client.transaction().await.during(DURING)?;
        write::lock(&transaction).await?;
        let gone = transaction.execute(MERGE, &[&hour.timestamp()]).await.during(DURING)?;
        transaction.commit().await.during(DURING)?;
        Ok(gone)
    }
}
