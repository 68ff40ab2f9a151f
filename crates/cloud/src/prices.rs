//! What AWS asks for hosts and disks, from its price list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_config::Region;
use aws_sdk_pricing::Client;
use aws_sdk_pricing::config::Builder;
use aws_sdk_pricing::error::BuildError;
use aws_sdk_pricing::types::{Filter, FilterType};
use futures::future::try_join_all;
use protocol::Failure;
use serde::Deserialize;

use crate::failure::Answer;
use crate::session::Session;

/// The price list is served from few regions, and each knows the prices of all. Source: AWS Billing user guide, “AWS
/// Price List Query API endpoints”.
const SERVED_FROM: &str = "us-east-1";

/// How long the price list may take; there is a table to go by without it.
const DEADLINE: Duration = Duration::from_secs(15);

/// List prices in US dollars, on demand, Linux.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Prices {
    /// An hour of each instance type that the list knows in the region.
    pub hosts: BTreeMap<String, f64>,
    /// A month of a gigabyte on a gp3 volume.
    pub gp3_gb_month: Option<f64>,
}

/// The prices in the session's region. Needs the permission `pricing:GetProducts`.
pub async fn prices(aws: &Session, types: &BTreeSet<&str>) -> Result<Prices, Failure> {
    let summary = "AWS did not tell its prices";
    tokio::time::timeout(DEADLINE, asked(aws, types, summary)).await.unwrap_or_else(|_| {
        Err(Failure::environment(summary).cause(format!("it did not answer within {} s", DEADLINE.as_secs())))
    })
}

async fn asked(aws: &Session, types: &BTreeSet<&str>, summary: &str) -> Result<Prices, Failure> {
    let client = Client::from_conf(Builder::from(&aws.config).region(Region::new(SERVED_FROM)).build());
    let region = aws.place().region.as_str();
    let ask = async |filters: &[(&str, &str)], unit: &'static str| {
        let filters: Result<Vec<_>, _> = filters.iter().map(|(field, value)| filter(field, value)).collect();
        let filters = filters.map_err(|error| Failure::bug(summary).source(&error))?;
        let call = client.get_products().service_code("AmazonEC2").set_filters(Some(filters));
        let answer = call.send().await.told(summary).map_err(|refusal| refusal.failure(aws.place()))?;
        Ok::<_, Failure>(answer.price_list().iter().find_map(|product| price(product, unit)))
    };
    let hosts = try_join_all(types.iter().map(async |kind| {
        let filters = [
            ("regionCode", region),
            ("instanceType", kind),
            ("operatingSystem", "Linux"),
            ("tenancy", "Shared"),
            ("preInstalledSw", "NA"),
            ("capacitystatus", "Used"),
        ];
        Ok::<_, Failure>(ask(&filters, "Hrs").await?.map(|price| ((*kind).to_owned(), price)))
    }));
    let disk = [("regionCode", region), ("volumeApiName", "gp3")];
    Ok(Prices { hosts: hosts.await?.into_iter().flatten().collect(), gp3_gb_month: ask(&disk, "GB-Mo").await? })
}

fn filter(field: &str, value: &str) -> Result<Filter, BuildError> {
    Filter::builder().r#type(FilterType::TermMatch).field(field).value(value).build()
}

/// A product of the price list, as far as it is read.
#[derive(Deserialize)]
struct Product {
    terms: Terms,
}

#[derive(Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, Offer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    price_per_unit: BTreeMap<String, String>,
}

/// Dollars a unit; none if the product is sold by another unit or costs nothing, as what is reserved already.
fn price(product: &str, unit: &str) -> Option<f64> {
    let product: Product = serde_json::from_str(product).ok()?;
    let dimensions = product.terms.on_demand.values().flat_map(|offer| offer.price_dimensions.values());
    let mut prices = dimensions
        .filter(|dimension| dimension.unit == unit)
        .filter_map(|dimension| dimension.price_per_unit.get("USD")?.parse::<f64>().ok().filter(|price| *price > 0.0));
    prices.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(unit: &str, dollars: &str) -> String {
        format!(
            r#"{{"product": {{"sku": "X"}}, "terms": {{"OnDemand": {{"X.1": {{"priceDimensions": {{"X.1.2": {{
            "unit": "{unit}", "beginRange": "0", "pricePerUnit": {{"USD": "{dollars}"}}}}}}}}}}}}}}"#
        )
    }

    #[test]
    fn a_price_is_read_by_its_unit() {
        assert_eq!(price(&product("Hrs", "0.0416000000"), "Hrs"), Some(0.0416));
        assert_eq!(price(&product("Hrs", "0.0416000000"), "GB-Mo"), None);
        assert_eq!(price(&product("Hrs", "0.0000000000"), "Hrs"), None, "of a capacity reserved already");
        assert_eq!(price("{}", "Hrs"), None);
        assert_eq!(price("no product", "Hrs"), None);
    }
}
