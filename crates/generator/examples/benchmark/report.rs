//! The table at the end, and the verdict on the goals.

/// What each contender achieved in each round, in rows per second.
#[derive(Default)]
pub(super) struct Report {
    contenders: Vec<(&'static str, Vec<f64>)>,
}

/// The writer's rate over that of the faster `\copy`.
const WRITER_GOAL: f64 = 0.9;
/// The rate in memory over that of the faster `\copy`.
const MEMORY_GOAL: f64 = 3.0;

impl Report {
    pub(super) fn add(&mut self, contender: &'static str, rate: f64) {
        match self.contenders.iter_mut().find(|(name, _)| *name == contender) {
            Some((_, rates)) => rates.push(rate),
            None => self.contenders.push((contender, vec![rate])),
        }
    }

    pub(super) fn print(&self) {
        let copy = self.rate("psql \\copy, binary").max(self.rate("psql \\copy, csv"));
        println!("\n{:<26}{:>12}{:>12}{:>12}{:>12}", "rows/s", "median", "lowest", "highest", "of \\copy");
        for (name, rates) in &self.contenders {
            let (median, [lowest, highest]) = (median(rates), ends(rates));
            println!("{name:<26}{median:>12.0}{lowest:>12.0}{highest:>12.0}{:>12.3}", median / copy);
        }
        println!();
        verdict("writer / psql \\copy", self.rate("RetailFlow writer") / copy, WRITER_GOAL);
        verdict("in memory / psql \\copy", self.rate("generate in memory") / copy, MEMORY_GOAL);
    }

    fn rate(&self, contender: &str) -> f64 {
        self.contenders.iter().find(|(name, _)| *name == contender).map_or(f64::NAN, |(_, rates)| median(rates))
    }
}

fn verdict(what: &str, ratio: f64, goal: f64) {
    let verdict = if ratio >= goal { "met" } else { "MISSED" };
    println!("{what:<24} {ratio:>8.2}   goal {goal:.1}: {verdict}");
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    f64::midpoint(low, high)
}

fn ends(rates: &[f64]) -> [f64; 2] {
    rates.iter().fold([f64::INFINITY, 0.0], |[low, high], &rate| [low.min(rate), high.max(rate)])
}
