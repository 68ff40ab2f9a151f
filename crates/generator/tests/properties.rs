//! What holds of the shop for any seed, any rate and any sequence of ticks.

use std::collections::HashSet;

use generator::shop::{
    Catalogue, DAY, FIRST_CUSTOMERS, HOUR, Ids, MINUTE, Moment, Order, PRODUCTS, Product, Purchase, SECOND, Status,
    Tick, Timeline, Window, demand,
};
use proptest::prelude::*;

/// The start of a live window, some time between 1990 and 2050.
fn moments() -> impl Strategy<Value = Moment> {
    (7_305 * DAY..29_220 * DAY).prop_map(Moment::from_micros)
}

/// A live tick that may give up to some thousand orders.
fn ticks() -> impl Strategy<Value = Tick> {
    let first = (1..1_000_000_i64, 1..1_000_000_i64, 1..1_000_000_i64).prop_map(|(customer, order, order_item)| Ids {
        customer,
        order,
        order_item,
    });
    (any::<i64>(), 1..1_000_000_i64, moments(), 1..300_i64, 0.0..400.0, first).prop_map(
        |(seed, number, start, seconds, rate, first)| {
            let window = Window::starting(start, seconds * SECOND);
            Tick { seed, number, window, rate, first }
        },
    )
}

/// Lengths in seconds and rates of ticks that follow each other.
fn sequences() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((1..200_i64, 0.0..300.0), 1..20)
}

fn rows(tick: &Tick, catalogue: &Catalogue) -> Vec<Purchase> {
    tick.purchases(catalogue).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_tick_gives_the_same_rows_whenever_and_wherever(tick in ticks()) {
        let catalogue = Catalogue::new(tick.seed);
        let here = rows(&tick, &catalogue);
        let elsewhere = std::thread::spawn(move || rows(&tick, &Catalogue::new(tick.seed)));
        prop_assert_eq!(here, elsewhere.join().expect("no panic"));
    }

    #[test]
    fn any_sequence_of_ticks_is_dense_and_refers_to_what_is_there(
        seed in any::<i64>(), start in moments(), sequence in sequences(),
    ) {
        let catalogue = Catalogue::new(seed);
        let mut next = Ids { customer: FIRST_CUSTOMERS + 1, ..Ids::FIRST };
        let mut window = Window::starting(start, 0);
        for (number, (seconds, rate)) in (1..).zip(sequence) {
            window = Window::starting(window.end, seconds * SECOND);
            let tick = Tick { seed, number, window, rate, first: next };
            let mut purchases = tick.purchases(&catalogue);
            let mut latest = window.start;
            for purchase in purchases.by_ref() {
                next = assert_follows(&purchase, next)?;
                let Order { placed_at, customer_id, .. } = purchase.order;
                prop_assert!(window.contains(placed_at) && latest <= placed_at);
                prop_assert!((1..next.customer).contains(&customer_id));
                latest = placed_at;
            }
            prop_assert_eq!(purchases.next_ids(), next);
        }
    }

    #[test]
    fn lines_are_of_real_products_at_their_prices(tick in ticks()) {
        let catalogue = Catalogue::new(tick.seed);
        for purchase in tick.purchases(&catalogue) {
            for line in purchase.basket.lines() {
                prop_assert!((1..=PRODUCTS).contains(&line.product_id));
                prop_assert_eq!(line.unit_price, Product::new(tick.seed, line.product_id).unit_price);
                prop_assert!(line.quantity >= 1 && line.discount >= 0);
                prop_assert!(line.discount < i64::from(line.quantity) * line.unit_price);
            }
        }
    }

    #[test]
    fn a_rate_is_kept_on_average(seed in any::<i64>(), start in moments(), rate in 50.0..200.0) {
        let catalogue = Catalogue::new(seed);
        let window = Window::starting(start, 2 * HOUR);
        let orders = Tick { seed, number: 1, window, rate, first: Ids::FIRST }.purchases(&catalogue).count() as f64;
        let expected: f64 = (0..120).map(|minute| rate * demand(start.plus(minute * MINUTE + MINUTE / 2))).sum();
        // Six standard deviations: once in half a billion runs.
        prop_assert!((orders - expected).abs() < 6.0 * expected.sqrt() + 1.0, "{} instead of {}", orders, expected);
    }

    #[test]
    fn orders_only_move_forward(seed in any::<i64>(), order_id in 1..i64::MAX, placed_at in moments()) {
        let timeline = Timeline::new(seed, order_id, placed_at);
        prop_assert!(timeline.events().windows(2).all(|pair| pair[0].1 < pair[1].1));
        let statuses: Vec<Status> = timeline.events().iter().map(|(status, _)| *status).collect();
        prop_assert!(COURSES.contains(&statuses.as_slice()), "{:?}", statuses);
    }

    #[test]
    fn status_changes_do_not_depend_on_how_time_is_cut(
        seed in any::<i64>(), order_id in 1..i64::MAX, placed_at in moments(),
        mut cuts in prop::collection::vec(1..30 * DAY, 1..50),
    ) {
        let timeline = Timeline::new(seed, order_id, placed_at);
        cuts.sort_unstable();
        let mut state = timeline.before(placed_at.plus(1));
        for end in cuts.iter().map(|cut| placed_at.plus(*cut)) {
            // A writer looks at an order only if it is due.
            if state.due.is_some_and(|due| due < end) {
                state = timeline.before(end);
            }
            prop_assert_eq!(state, timeline.before(end));
        }
    }
}

/// Every way an order can go.
const COURSES: [&[Status]; 4] = [
    &[Status::Placed, Status::Cancelled],
    &[Status::Placed, Status::Paid, Status::Cancelled],
    &[Status::Placed, Status::Paid, Status::Shipped, Status::Delivered],
    &[Status::Placed, Status::Paid, Status::Shipped, Status::Delivered, Status::Returned],
];

/// The purchase takes exactly the `next` keys; gives those after it.
fn assert_follows(purchase: &Purchase, mut next: Ids) -> Result<Ids, TestCaseError> {
    if let Some(customer) = &purchase.new_customer {
        prop_assert_eq!(customer.customer_id, next.customer);
        prop_assert_eq!(purchase.order.customer_id, next.customer);
        prop_assert_eq!(customer.created_at, purchase.order.placed_at);
        prop_assert_eq!(customer.place, purchase.order.ship_to);
        next.customer += 1;
    }
    prop_assert_eq!(purchase.order.order_id, next.order);
    prop_assert_eq!(purchase.first_order_item_id, next.order_item);
    prop_assert!(!purchase.basket.lines().is_empty());
    next.order += 1;
    next.order_item += i64::from(purchase.basket.count());
    Ok(next)
}

#[test]
fn seeds_and_numbers_tell_ticks_apart() {
    let window = Window::starting(Moment::from_micros(20_000 * DAY), 60 * SECOND);
    let mut firsts = HashSet::new();
    for seed in 0..20 {
        let catalogue = Catalogue::new(seed);
        for number in 1..20 {
            let tick = Tick { seed, number, window, rate: 600.0, first: Ids::FIRST };
            let first = tick.purchases(&catalogue).next().expect("some order in a busy minute");
            firsts.insert(first.order.placed_at);
        }
    }
    assert!(firsts.len() > 370, "{} different first orders of 380", firsts.len());
}
