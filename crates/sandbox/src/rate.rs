//! The rate of the live shop, which can be changed while it is open: a file that the shop reads at every tick.

use protocol::Failure;
use serde::{Deserialize, Serialize};
use stack::{StackFolder, files};

/// What can be changed while the shop is open.
#[derive(Debug, Serialize, Deserialize)]
struct ShopSettings {
    orders_per_minute: f64,
}

/// The rate as it was last set, in orders a minute.
pub(crate) fn read(folder: &StackFolder) -> Option<f64> {
    let text = std::fs::read_to_string(folder.shop_file()).ok()?;
    toml::from_str::<ShopSettings>(&text).ok().map(|settings| settings.orders_per_minute)
}

/// Sets the rate, in orders a minute.
pub(crate) fn write(folder: &StackFolder, orders_per_minute: f64) -> Result<(), Failure> {
    let text = toml::to_string(&ShopSettings { orders_per_minute })
        .map_err(|error| Failure::bug("The shop's settings could not be encoded").source(&error))?;
    files::write_atomically(&folder.shop_file(), text.as_bytes())
        .map_err(|error| Failure::environment("The shop's settings could not be written").source(&error))
}
