//! The table at the end, and the verdict on the goals.

pub(super) const MEMORY: &str = "generate in memory";
pub(super) const WRITER: &str = "generate and write";
pub(super) const COPY: &str = "psql \\copy, binary";
pub(super) const COPY_CSV: &str = "psql \\copy, csv";
pub(super) const ORIGINAL: &str = "original, row at a time";

/// The writer's rate over that of the faster `\copy`.
const WRITER_GOAL: f64 = 0.9;
/// The rate in memory over that of the faster `\copy`.
const MEMORY_GOAL: f64 = 3.0;

/// What each contender achieved in each round, in rows per second.
#[derive(Default)]
pub(super) struct Report {
    contenders: Vec<(&'static str, Vec<f64>)>,
}

impl Report {
    pub(super) fn add(&mut self, contender: &'static str, rate: f64) {
        match self.contenders.iter_mut().find(|(name, _)| *name == contender) {
            Some((_, rates)) => rates.push(rate),
            None => self.contenders.push((contender, vec![rate])),
        }
    }

    pub(super) fn print(&self) {
        let copy = if median(self.rates(COPY)) < median(self.rates(COPY_CSV)) { COPY_CSV } else { COPY };
        println!("\n{:<26}{:>12}{:>12}{:>12}{:>12}", "rows/s", "median", "lowest", "highest", "of \\copy");
        for (name, rates) in &self.contenders {
            let (median, [lowest, highest]) = (median(rates), ends(rates));
            println!("{name:<26}{median:>12.0}{lowest:>12.0}{highest:>12.0}{:>12.3}", self.ratio(name, copy));
        }
        println!();
        verdict("write / psql \\copy", self.ratio(WRITER, copy), WRITER_GOAL);
        verdict("in memory / psql \\copy", self.ratio(MEMORY, copy), MEMORY_GOAL);
    }

    /// The median of the ratios within each round.
    fn ratio(&self, contender: &str, other: &str) -> f64 {
        let pairs = self.rates(contender).iter().zip(self.rates(other));
        median(&pairs.map(|(rate, other)| rate / other).collect::<Vec<_>>())
    }

    fn rates(&self, contender: &str) -> &[f64] {
        self.contenders.iter().find(|(name, _)| *name == contender).map_or(&[], |(_, rates)| rates)
    }
}

fn verdict(what: &str, ratio: f64, goal: f64) {
    let verdict = if ratio >= goal { "met" } else { "MISSED" };
    println!("{what:<24} {ratio:>8.2}   goal {goal:.1}: {verdict}");
}

/// NaN if there are none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    f64::midpoint(middle(sorted.len().saturating_sub(1) / 2), middle(sorted.len() / 2))
}

fn ends(rates: &[f64]) -> [f64; 2] {
    rates.iter().fold([f64::INFINITY, 0.0], |[low, high], &rate| [low.min(rate), high.max(rate)])
}
