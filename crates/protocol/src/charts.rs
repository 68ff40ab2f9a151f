//! What the charts show: the content of `charts.json`, written by the pipeline's last asset.
//!
//! Money is in integer cents, so that sums stay exact in every language.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One published state of the marts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Charts {
    /// Version of this format.
    pub version: u32,
    /// When the source was read, UTC.
    #[ts(type = "string")]
    pub extracted_at: Timestamp,
    /// When the newest order in it was placed, UTC.
    #[ts(type = "string | null")]
    pub newest_order_at: Option<Timestamp>,
    /// When the charts were written, UTC.
    #[ts(type = "string")]
    pub published_at: Timestamp,
    /// Why they are not to be trusted any more, if there is a reason.
    #[serde(default)]
    pub doubt: Option<Doubt>,
    /// Sums over everything.
    pub totals: Totals,
    /// One row a day, oldest first.
    pub daily: Vec<Day>,
    /// Net revenue by country, largest first.
    pub by_country: Vec<CountryRevenue>,
    /// Net revenue by state, largest first.
    pub by_state: Vec<StateRevenue>,
    /// Net revenue by city, largest first.
    pub by_city: Vec<CityRevenue>,
    /// Orders by status.
    pub by_status: Vec<StatusCount>,
    /// The products that earned most, best first.
    pub top_products: Vec<ProductRevenue>,
}

/// Newer figures that did not agree with the shop's and were therefore not published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Doubt {
    /// When they were computed, UTC.
    #[ts(type = "string")]
    pub since: Timestamp,
    /// A sentence for each figure that does not agree.
    pub reasons: Vec<String>,
}

/// Sums over everything. Net = gross − discount; cancelled and returned orders count in none of the three.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Totals {
    /// Orders of every status.
    pub orders: i64,
    /// Customers.
    pub customers: i64,
    /// Gross revenue in cents.
    pub gross_cents: i64,
    /// Discounts in cents.
    pub discount_cents: i64,
    /// Net revenue in cents.
    pub net_cents: i64,
}

/// One day (UTC).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Day {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// Orders placed that day.
    pub orders: i64,
    /// Gross revenue in cents.
    pub gross_cents: i64,
    /// Discounts in cents.
    pub discount_cents: i64,
    /// Net revenue in cents.
    pub net_cents: i64,
}

/// A country's net revenue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct CountryRevenue {
    /// Country.
    pub country: String,
    /// Orders that count.
    pub orders: i64,
    /// Net revenue in cents.
    pub net_cents: i64,
}

/// A state's net revenue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StateRevenue {
    /// Country.
    pub country: String,
    /// State, province or region.
    pub state: String,
    /// Orders that count.
    pub orders: i64,
    /// Net revenue in cents.
    pub net_cents: i64,
}

/// A city's net revenue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct CityRevenue {
    /// Country.
    pub country: String,
    /// State, province or region.
    pub state: String,
    /// City.
    pub city: String,
    /// Orders that count.
    pub orders: i64,
    /// Net revenue in cents.
    pub net_cents: i64,
}

/// How many orders have a status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StatusCount {
    /// `placed`, `paid`, `shipped`, `delivered`, `cancelled` or `returned`.
    pub status: String,
    /// Orders.
    pub orders: i64,
}

/// What a product earned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ProductRevenue {
    /// Its key.
    pub product_id: i64,
    /// Its name.
    pub name: String,
    /// Its category.
    pub category: String,
    /// Pieces sold.
    pub quantity: i64,
    /// Net revenue in cents.
    pub net_cents: i64,
}
