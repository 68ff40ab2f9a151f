//! How PostgreSQL is reached: by a Unix socket in a folder that only this user may enter, where it trusts whoever gets there.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use protocol::Failure;
use stack::StackFolder;
use tokio_postgres::{Client, Config, NoTls};

/// The role and database of the shop.
pub(crate) const SHOP: &str = "shop";

/// The database that every cluster has.
pub(crate) const FIRST: &str = "postgres";

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// What stays as it is in libpq's connection URI.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

/// How to reach the shop's database from this process.
pub(crate) fn config(folder: &StackFolder) -> Config {
    config_of(folder, SHOP)
}

/// How to reach the shop's database by libpq's connection URI.
pub(crate) fn dsn(folder: &StackFolder) -> String {
    let socket = folder.postgres_socket();
    let socket = percent_encode(socket.as_os_str().as_encoded_bytes(), ENCODED);
    format!("postgresql:///{SHOP}?host={socket}&user={SHOP}")
}

/// Connects to a database of the cluster.
pub(crate) async fn connect(folder: &StackFolder, name: &str) -> Result<Client, Failure> {
    let config = config_of(folder, name);
    let (client, connection) = tokio::time::timeout(CONNECT_DEADLINE, config.connect(NoTls))
        .await
        .map_err(|_| Failure::environment("PostgreSQL does not answer"))?
        .map_err(|error| Failure::environment("PostgreSQL does not answer yet").source(&error))?;
    tokio::spawn(connection);
    Ok(client)
}

fn config_of(folder: &StackFolder, name: &str) -> Config {
    let mut config = Config::new();
    config.host_path(folder.postgres_socket()).user(SHOP).dbname(name).connect_timeout(CONNECT_DEADLINE);
    config
}
