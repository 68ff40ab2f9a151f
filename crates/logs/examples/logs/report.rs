//! Figures of rounds, ratios of pairs, and what they say of the goals.

use std::collections::BTreeMap;

/// Seconds by contender, one figure a round.
#[derive(Default)]
pub(crate) struct Rounds(BTreeMap<&'static str, Vec<f64>>);

impl Rounds {
    pub(crate) fn add(&mut self, what: &'static str, seconds: f64) {
        self.0.entry(what).or_default().push(seconds);
    }

    pub(crate) fn median(&self, what: &str) -> f64 {
        median(self.0[what].clone())
    }

    /// The median of the rounds' ratios: a slow moment of the machine does not count for one side only.
    pub(crate) fn ratio(&self, of: &str, to: &str) -> f64 {
        median(self.0[of].iter().zip(&self.0[to]).map(|(of, to)| of / to).collect())
    }

    pub(crate) fn print(&self) {
        println!("\n{:<34}{:>10}{:>10}{:>10}", "ms", "median", "least", "most");
        for (what, seconds) in &self.0 {
            let extreme = |pick: fn(f64, f64) -> f64| seconds.iter().copied().reduce(pick).unwrap_or(f64::NAN) * 1e3;
            let (least, most) = (extreme(f64::min), extreme(f64::max));
            println!("{what:<34}{:>10.1}{least:>10.1}{most:>10.1}", self.median(what) * 1e3);
        }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Whether every goal looked at so far is met.
pub(crate) struct Goals(bool);

impl Goals {
    pub(crate) fn new() -> Self {
        println!();
        Self(true)
    }

    /// Says whether a figure is at most what it may be.
    pub(crate) fn at_most(&mut self, what: &str, figure: f64, limit: f64) {
        let met = figure <= limit;
        println!("{what}: {figure:.2}, at most {limit}: {}", if met { "met" } else { "MISSED" });
        self.0 &= met;
    }

    pub(crate) fn all_met(&self) -> bool {
        self.0
    }
}
