//! The simulated shop as a pure library: no clock, no I/O, no global state.
//!
//! Everything here is a function of a seed and of numbers (a product's, a customer's, an order's, a tick's). That is
//! what makes a tick repeatable: it can be generated again on another machine, after a crash or with another number of
//! threads, and gives the same rows to the byte. For the same reason nothing here calls the platform's maths library,
//! whose last bits differ between systems.
//!
//! Money is in integer cents; time is in [`Moment`]s, microseconds since 1970.

mod basket;
mod catalogue;
mod customers;
mod demand;
mod geography;
mod lifecycle;
mod names;
mod random;
mod tick;
mod time;
mod wares;

pub use basket::{Basket, MAX_LINES, OrderItem};
pub use catalogue::{Catalogue, PRODUCTS, Product};
pub use customers::{Customer, FIRST_CUSTOMERS, first_customers};
pub use demand::demand;
pub use geography::Place;
pub use lifecycle::{State, Status, Timeline};
pub use random::{Domain, Stream};
pub use tick::{Ids, Order, Purchase, Purchases, Tick};
pub use time::{DAY, HOUR, MINUTE, Moment, SECOND, Window};
