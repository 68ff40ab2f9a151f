//! What the shop sells: a product is a function of the seed and the `product_id`.

use super::random::{Domain, Stream};
use super::wares::{LINES, WARES};

/// How many products the shop sells.
pub const PRODUCTS: i64 = 1_000;

/// A row of `production.products`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// The key, dense from 1.
    pub product_id: i64,
    /// The product line, the first part of the name.
    pub line: &'static str,
    /// What the thing is, the second part of the name.
    pub ware: &'static str,
    /// The department that sells it.
    pub category: &'static str,
    /// What one costs, in cents.
    pub unit_price: i64,
}

impl Product {
    /// Product `product_id` of the shop with this `seed`.
    pub fn new(seed: i64, product_id: i64) -> Self {
        let (line, ware) = name(seed, product_id);
        let ware = &WARES[ware];
        let mut stream = Stream::new(seed, Domain::Product, product_id);
        let price = stream.between(ware.dollars.0, ware.dollars.1) * 100;
        Self {
            product_id,
            line: LINES[line],
            ware: ware.name,
            category: ware.category,
            unit_price: price - stream.pick(&[0, 1, 5, 10, 51]),
        }
    }
}

/// Indices of the product's line and ware.
///
/// The names form a grid of lines by wares. Products walk it in strides that have no factor in common with its size,
/// so that no two share a name, and neighbours have nothing in common.
fn name(seed: i64, product_id: i64) -> (usize, usize) {
    const NAMES: u64 = (LINES.len() * WARES.len()) as u64;
    const STRIDE: u64 = 1_361;
    const { assert!(gcd(NAMES, STRIDE) == 1 && NAMES >= PRODUCTS.unsigned_abs()) };
    let start = Stream::new(seed, Domain::Product, 0).below(NAMES);
    let cell = (start + STRIDE * (product_id.unsigned_abs() % NAMES)) % NAMES;
    let cell = usize::try_from(cell).unwrap_or(0);
    (cell / WARES.len(), cell % WARES.len())
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// All products of one shop, ready for look-up.
#[derive(Clone, Debug)]
pub struct Catalogue {
    products: Vec<Product>,
}

impl Catalogue {
    /// The catalogue of the shop with this `seed`.
    pub fn new(seed: i64) -> Self {
        Self { products: (1..=PRODUCTS).map(|product_id| Product::new(seed, product_id)).collect() }
    }

    /// Every product, by ascending `product_id`.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Draws a product; a few sell far better than most.
    pub(super) fn draw(&self, stream: &mut Stream) -> &Product {
        let rank = stream.skewed(self.products.len() as u64);
        // Spread over the keys, or the best sellers would be the first few products.
        self.at(rank * 389)
    }

    /// The product on the shelf after `product`, the last one's being the first.
    pub(super) fn after(&self, product: &Product) -> &Product {
        self.at(product.product_id.unsigned_abs())
    }

    fn at(&self, position: u64) -> &Product {
        let index = position % self.products.len() as u64;
        &self.products[usize::try_from(index).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_its_own() {
        for seed in [0, 1, -9] {
            let catalogue = Catalogue::new(seed);
            let names: HashSet<_> = catalogue.products().iter().map(|product| (product.line, product.ware)).collect();
            assert_eq!(names.len(), catalogue.products().len());
        }
    }

    #[test]
    fn every_category_is_stocked_and_prices_are_sane() {
        let catalogue = Catalogue::new(42);
        let categories: HashSet<_> = catalogue.products().iter().map(|product| product.category).collect();
        assert_eq!(categories.len(), 12);
        assert!(catalogue.products().iter().all(|product| (200..150_000).contains(&product.unit_price)));
    }

    #[test]
    fn keys_are_dense_and_look_up_wraps() {
        let catalogue = Catalogue::new(42);
        assert!(catalogue.products().iter().zip(1..).all(|(product, key)| product.product_id == key));
        let last = &catalogue.products()[catalogue.products().len() - 1];
        assert_eq!(catalogue.after(last).product_id, 1);
    }

    #[test]
    fn every_product_sells_and_some_far_better() {
        let catalogue = Catalogue::new(42);
        let mut stream = Stream::new(1, Domain::Basket, 1);
        let mut sold = vec![0_u32; catalogue.products().len() + 1];
        for _ in 0..100_000 {
            sold[usize::try_from(catalogue.draw(&mut stream).product_id).expect("positive")] += 1;
        }
        assert!(sold[1..].iter().all(|&count| count > 0));
        assert!(sold.iter().max() > Some(&1_000));
    }
}
