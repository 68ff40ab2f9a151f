//! Value-stable random numbers: a `SplitMix64` generator for every entity of the shop.
//!
//! A [`Stream`] is keyed by the shop's seed, a [`Domain`] and a number (a customer's, an order's, a tick's). The key is
//! hashed into the starting state, so streams of neighbouring numbers have nothing in common and any of them can be
//! opened without the ones before it. Only integer operations and exactly rounded float ones are used, which give the
//! same values on every platform; a library generator could change its values in an upgrade and with them the shop.

/// What a stream is drawn for. Values are part of the shop's definition: changing one changes every generated row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// A product of the catalogue, by `product_id`.
    Product = 1,
    /// A customer, by `customer_id`.
    Customer = 2,
    /// What an order contains, by `order_id`.
    Basket = 3,
    /// What becomes of an order, by `order_id`.
    Lifecycle = 4,
    /// Who orders when in a tick, by its number.
    Tick = 5,
}

/// `SplitMix64`'s increment: 2^64 divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// `SplitMix64`'s output function: a bijection in which every input bit moves every output bit.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A sequence of random numbers, fixed by its key for ever.
#[derive(Clone, Debug)]
pub struct Stream(u64);

impl Stream {
    /// The stream of entity `number` in `domain` of the shop with this `seed`.
    pub const fn new(seed: i64, domain: Domain, number: i64) -> Self {
        let shop = mix(seed.cast_unsigned().wrapping_add(GOLDEN.wrapping_mul(domain as u64)));
        Self(mix(shop ^ mix(number.cast_unsigned().wrapping_add(GOLDEN))))
    }

    /// The next 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A float in `[0, 1)` with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.bits() >> 11) as f64 * STEP
    }

    /// A whole number in `[0, end)`; 0 if `end` is 0. Its bias, `end` / 2^64, is far too small to see.
    pub const fn below(&mut self, end: u64) -> u64 {
        scale(self.bits(), end)
    }

    /// A whole number in `[start, end)`, which must not be empty.
    pub const fn between(&mut self, start: i64, end: i64) -> i64 {
        debug_assert!(start < end);
        start + self.below(end.abs_diff(start)).cast_signed()
    }

    /// A whole number in `[0, end)` with small ones likelier: half of the draws fall into the first quarter.
    pub const fn skewed(&mut self, end: u64) -> u64 {
        let fraction = self.bits() >> 32;
        scale(fraction * fraction, end)
    }

    /// True `per_mille` times in a thousand.
    pub const fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `choices`, all alike likely.
    ///
    /// # Panics
    /// If there are none.
    #[expect(clippy::cast_possible_truncation, reason = "the index is below a length, which is a usize")]
    pub const fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A draw from the Poisson distribution: how many independent events happen where `mean` are expected.
    ///
    /// Long means are summed from short ones (the sum of Poisson draws is one), each found by searching the cumulative
    /// distribution; that costs about a multiplication per event and needs no approximation.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        /// exp(-16) is still far above the resolution of [`Stream::unit`].
        const PIECE: f64 = 16.0;
        let mut rest = mean;
        let mut events = 0;
        while rest > PIECE {
            events += self.short_poisson(PIECE);
            rest -= PIECE;
        }
        events + self.short_poisson(rest)
    }

    fn short_poisson(&mut self, mean: f64) -> u64 {
        /// A mean of 16 exceeds this once in more draws than there are 53-bit numbers.
        const END: u32 = 100;
        let drawn = self.unit();
        let mut probability = libm::exp(-mean);
        let mut cumulative = probability;
        let mut events = 0;
        while drawn >= cumulative && events < END {
            events += 1;
            probability *= mean / f64::from(events);
            cumulative += probability;
        }
        u64::from(events)
    }
}

/// `fraction` / 2^64 of `end`, rounded down.
const fn scale(fraction: u64, end: u64) -> u64 {
    ((fraction as u128 * end as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(number: i64) -> Stream {
        Stream::new(7, Domain::Tick, number)
    }

    #[test]
    fn values_never_change() {
        let mut stream = Stream::new(42, Domain::Customer, 1);
        let drawn = [stream.bits(), stream.bits(), stream.bits()];
        assert_eq!(drawn, VALUES, "another value means another shop from the same seed");
    }
    const VALUES: [u64; 3] = [0xD695_CE63_2DE5_01F0, 0xD179_D7B7_BDA8_13EA, 0xA33E_AC52_3350_314A];

    #[test]
    fn keys_open_different_streams() {
        let keys = [
            Stream::new(7, Domain::Tick, 1),
            Stream::new(7, Domain::Tick, 2),
            Stream::new(7, Domain::Tick, -1),
            Stream::new(8, Domain::Tick, 1),
            Stream::new(7, Domain::Basket, 1),
        ];
        let drawn: std::collections::HashSet<u64> =
            keys.into_iter().flat_map(|mut key| [key.bits(), key.bits(), key.bits()]).collect();
        assert_eq!(drawn.len(), 15);
    }

    #[test]
    fn draws_stay_in_range_and_fill_it() {
        let mut stream = stream(1);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            let drawn = stream.between(-5, 5);
            seen[usize::try_from(drawn + 5).expect("not below -5")] += 1;
            assert!((0.0..1.0).contains(&stream.unit()));
        }
        assert!(seen.iter().all(|&count| (850..1150).contains(&count)), "{seen:?}");
    }

    #[test]
    fn skewed_draws_prefer_small_numbers() {
        let mut stream = stream(2);
        let small = (0..10_000).filter(|_| stream.skewed(100) < 25).count();
        assert!((4_700..5_300).contains(&small), "{small}");
    }

    #[test]
    fn poisson_has_its_mean_and_variance() {
        for mean in [0.05, 3.0, 16.0, 130.5] {
            let mut stream = stream(3);
            let draws: Vec<f64> = (0..20_000).map(|_| stream.poisson(mean) as f64).collect();
            let average = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|draw| (draw - average).powi(2)).sum::<f64>() / 20_000.0;
            assert!((average / mean - 1.0).abs() < 0.1, "mean {average} instead of {mean}");
            assert!((variance / mean - 1.0).abs() < 0.1, "variance {variance} instead of {mean}");
        }
    }

    #[test]
    fn nothing_expected_is_nothing_drawn() {
        assert!((0..1000).all(|number| stream(number).poisson(0.0) == 0));
    }
}
