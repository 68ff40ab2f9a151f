//! What an order contains: a function of the seed and the `order_id`.

use super::catalogue::{Catalogue, Product};
use super::random::{Domain, Stream};

/// The most lines an order has.
pub const MAX_LINES: usize = 6;

/// A row of `production.order_items`. Its key is given to it by its tick, its times are those of its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderItem {
    /// What was bought.
    pub product_id: i64,
    /// How many of it.
    pub quantity: i32,
    /// What one cost, in cents.
    pub unit_price: i64,
    /// What was taken off the line, in cents: less than `quantity` times `unit_price`.
    pub discount: i64,
}

/// The lines of one order: one to [`MAX_LINES`], no product twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basket {
    lines: [OrderItem; MAX_LINES],
    count: u8,
}

impl Basket {
    /// What order `order_id` of the shop with this `seed` contains.
    pub fn new(seed: i64, order_id: i64, catalogue: &Catalogue) -> Self {
        let mut stream = Stream::new(seed, Domain::Basket, order_id);
        let count = stream.pick(&COUNTS);
        let mut basket = Self { lines: [OrderItem::default(); MAX_LINES], count: 0 };
        while basket.count < count {
            let product = basket.missing(catalogue.draw(&mut stream), catalogue);
            basket.lines[usize::from(basket.count)] = line(product, &mut stream);
            basket.count += 1;
        }
        basket
    }

    /// The lines, in the order they were put in.
    pub fn lines(&self) -> &[OrderItem] {
        &self.lines[..usize::from(self.count)]
    }

    /// How many lines there are.
    pub const fn count(&self) -> u8 {
        self.count
    }

    /// `wanted`, or the next product on the shelf that is not in the basket yet.
    fn missing<'a>(&self, wanted: &'a Product, catalogue: &'a Catalogue) -> &'a Product {
        let mut product = wanted;
        while self.lines().iter().any(|line| line.product_id == product.product_id) {
            product = catalogue.after(product);
        }
        product
    }
}

/// How many lines an order has, each entry alike likely: 2.6 on average.
const COUNTS: [u8; 20] = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6];
/// How many of a product a line has: mostly one.
const QUANTITIES: [i32; 16] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4];
/// How much is taken off a discounted line, in percent.
const DISCOUNTS: [i64; 8] = [5, 10, 10, 10, 15, 20, 25, 30];
/// How many lines in a thousand are discounted.
const DISCOUNTED: u64 = 220;

fn line(product: &Product, stream: &mut Stream) -> OrderItem {
    let quantity = stream.pick(&QUANTITIES);
    let unit_price = product.unit_price;
    let percent = if stream.chance(DISCOUNTED) { stream.pick(&DISCOUNTS) } else { 0 };
    let discount = i64::from(quantity) * unit_price * percent / 100;
    OrderItem { product_id: product.product_id, quantity, unit_price, discount }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn baskets_keep_their_bounds() {
        let catalogue = Catalogue::new(42);
        let mut lines = 0;
        for order_id in 1..=20_000 {
            let basket = Basket::new(42, order_id, &catalogue);
            assert!((1..=MAX_LINES).contains(&basket.lines().len()));
            let products: HashSet<_> = basket.lines().iter().map(|line| line.product_id).collect();
            assert_eq!(products.len(), basket.lines().len(), "order {order_id} has a product twice");
            for line in basket.lines() {
                let product = catalogue.products()[usize::try_from(line.product_id - 1).expect("positive")];
                assert_eq!(line.unit_price, product.unit_price);
                assert!((0..i64::from(line.quantity) * line.unit_price).contains(&line.discount));
            }
            lines += basket.lines().len();
        }
        assert!((51_000..53_000).contains(&lines), "{lines}");
    }

    #[test]
    fn a_product_in_the_basket_gives_way_to_the_next() {
        let catalogue = Catalogue::new(42);
        let basket = Basket::new(42, 1, &catalogue);
        let first = catalogue.products().iter().find(|product| product.product_id == basket.lines()[0].product_id);
        let first = first.expect("a product of the catalogue");
        assert_ne!(basket.missing(first, &catalogue), first);
    }
}
