//! Who buys: a customer is a function of the seed and the `customer_id`.
//!
//! An order takes its shipping place from here, so generating one needs no look-up in the database.

use super::geography::Place;
use super::names;
use super::random::{Domain, Stream};
use super::time::Moment;

/// How many customers the shop opens with.
pub const FIRST_CUSTOMERS: i64 = 1_000;

/// A row of `production.customers`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Customer {
    /// The key, dense from 1.
    pub customer_id: i64,
    /// The given name.
    pub first_name: &'static str,
    /// The family name.
    pub last_name: &'static str,
    /// Where the customer lives.
    pub place: Place,
    /// When the account was made.
    pub created_at: Moment,
}

impl Customer {
    /// Customer `customer_id` of the shop with this `seed`, whose account was made at `created_at`.
    pub fn new(seed: i64, customer_id: i64, created_at: Moment) -> Self {
        let mut stream = Stream::new(seed, Domain::Customer, customer_id);
        let place = Place::draw(&mut stream);
        let names = place.names();
        Self {
            customer_id,
            first_name: stream.pick(names.first),
            last_name: stream.pick(names.last),
            place,
            created_at,
        }
    }

    /// Appends the e-mail address to `text`: unique, and in a domain reserved for examples.
    pub fn write_email(&self, text: &mut Vec<u8>) {
        const DOMAINS: [&str; 3] = ["@example.com", "@example.net", "@example.org"];
        names::spell(text, self.first_name);
        text.push(b'.');
        names::spell(text, self.last_name);
        push_decimal(text, self.customer_id.unsigned_abs());
        let domain = self.customer_id.unsigned_abs() % DOMAINS.len() as u64;
        text.extend_from_slice(DOMAINS[usize::try_from(domain).unwrap_or(0)].as_bytes());
    }
}

/// Where customer `customer_id` lives: the first thing [`Customer::new`] draws.
pub(super) fn place(seed: i64, customer_id: i64) -> Place {
    Place::draw(&mut Stream::new(seed, Domain::Customer, customer_id))
}

/// The customers the shop opens with at `opened_at`.
pub fn first_customers(seed: i64, opened_at: Moment) -> impl Iterator<Item = Customer> {
    (1..=FIRST_CUSTOMERS).map(move |customer_id| Customer::new(seed, customer_id, opened_at))
}

/// Appends `number` in decimal digits, without the machinery of `fmt`.
fn push_decimal(text: &mut Vec<u8>, mut number: u64) {
    let start = text.len();
    loop {
        text.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text[start..].reverse();
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const NOW: Moment = Moment::from_micros(0);

    fn email(customer: &Customer) -> String {
        let mut text = Vec::new();
        customer.write_email(&mut text);
        String::from_utf8(text).expect("ASCII")
    }

    #[test]
    fn a_customer_is_a_function_of_seed_and_id() {
        assert_eq!(Customer::new(5, 77, NOW), Customer::new(5, 77, NOW));
        assert_ne!(Customer::new(5, 77, NOW), Customer::new(6, 77, NOW));
    }

    #[test]
    fn orders_ship_to_where_the_customer_lives() {
        assert!(first_customers(3, NOW).all(|customer| customer.place == place(3, customer.customer_id)));
    }

    #[test]
    fn addresses_are_unique_and_well_formed() {
        let emails: HashSet<String> = first_customers(3, NOW).map(|customer| email(&customer)).collect();
        assert_eq!(i64::try_from(emails.len()), Ok(FIRST_CUSTOMERS));
        for email in &emails {
            let (name, domain) = email.split_once('@').expect("an @");
            assert!(domain.starts_with("example."));
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "{email}");
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 7, 10, 12_345, u64::MAX] {
            let mut text = Vec::new();
            push_decimal(&mut text, number);
            assert_eq!(text, number.to_string().as_bytes());
        }
    }
}
