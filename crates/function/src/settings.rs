//! The function's settings, which Terraform puts into its environment.

use std::str::FromStr;

use generator::Config;

use crate::error::Error;

const SECONDS_A_MINUTE: u32 = 60;
const MINUTES_A_DAY: f64 = 1440.0;
const POSTGRES_PORT: u16 = 5432;

/// What `terraform/services/modules/generator` sets.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where PostgreSQL listens.
    pub(crate) host: String,
    /// The port there: PostgreSQL's own if none is set.
    pub(crate) port: u16,
    /// The ARN of the secret that opens it: an object with `username` and `password`.
    pub(crate) secret: String,
    /// The stack's name, a dimension of every metric.
    pub(crate) stack: String,
    /// Orders a minute of the live shop.
    pub(crate) rate: f64,
    /// The shop.
    pub(crate) shop: Config,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// Names the first that is missing or makes no sense.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variables: impl Fn(&'static str) -> Option<String>) -> Result<Self, Error> {
        let text = |name| variables(name).ok_or(Error::Unset { name });
        let rate: f64 = number("RETAILFLOW_ORDERS_PER_MINUTE", &variables)?;
        let minutes: u32 = number("RETAILFLOW_TICK_MINUTES", &variables)?;
        let shop = Config {
            seed: number("RETAILFLOW_SEED", &variables)?,
            tick_seconds: minutes.saturating_mul(SECONDS_A_MINUTE),
            backfill_days: number("RETAILFLOW_BACKFILL_DAYS", &variables)?,
            orders_per_day: rate * MINUTES_A_DAY,
            ..Config::default()
        };
        shop.validate().map_err(|reason| Error::NoShop { reason })?;
        Ok(Self {
            host: text("RETAILFLOW_DATABASE_HOST")?,
            port: match number("RETAILFLOW_DATABASE_PORT", &variables) {
                Err(Error::Unset { .. }) => POSTGRES_PORT,
                port => port?,
            },
            secret: text("RETAILFLOW_DATABASE_SECRET")?,
            stack: text("RETAILFLOW_STACK")?,
            rate,
            shop,
        })
    }
}

fn number<T: FromStr>(name: &'static str, variables: impl Fn(&'static str) -> Option<String>) -> Result<T, Error> {
    let text = variables(name).ok_or(Error::Unset { name })?;
    text.parse().map_err(|_| Error::NoNumber { name, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str) -> Option<String> {
        let text = match name {
            "RETAILFLOW_DATABASE_HOST" => "10.42.0.10",
            "RETAILFLOW_DATABASE_SECRET" => {
                "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/postgres-a1b2c3"
            }
            "RETAILFLOW_STACK" => "shop",
            "RETAILFLOW_ORDERS_PER_MINUTE" => "30",
            "RETAILFLOW_TICK_MINUTES" => "3",
            "RETAILFLOW_SEED" => "42",
            "RETAILFLOW_BACKFILL_DAYS" => "7",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn a_tick_is_as_long_as_the_schedules_rate() {
        let settings = Settings::from(given).expect("good settings");
        let shop = Config { seed: 42, tick_seconds: 180, backfill_days: 7, orders_per_day: 43_200.0, tick_days: 7 };
        assert_eq!((settings.shop, settings.rate, settings.stack.as_str()), (shop, 30.0, "shop"));
        assert_eq!((settings.host.as_str(), settings.port), ("10.42.0.10", 5432));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let without =
            |missing| Settings::from(|name| given(name).filter(|_| name != missing)).expect_err("it is missing");
        assert!(without("RETAILFLOW_SEED").to_string().contains("RETAILFLOW_SEED is not set"));
        assert!(without("RETAILFLOW_DATABASE_SECRET").to_string().contains("RETAILFLOW_DATABASE_SECRET is not set"));
        let with = |wrong, text: &str| {
            Settings::from(|name| if name == wrong { Some(text.to_owned()) } else { given(name) })
                .expect_err("it is wrong")
                .to_string()
        };
        assert!(with("RETAILFLOW_TICK_MINUTES", "often").contains("RETAILFLOW_TICK_MINUTES is \"often\""));
        assert!(with("RETAILFLOW_TICK_MINUTES", "61").contains("tick_seconds is 3660"));
        assert!(with("RETAILFLOW_ORDERS_PER_MINUTE", "NaN").contains("orders_per_day is NaN"));
        assert!(with("RETAILFLOW_DATABASE_PORT", "postgres").contains("RETAILFLOW_DATABASE_PORT is \"postgres\""));
    }
}
