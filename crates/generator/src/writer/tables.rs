//! The columns of each table that the shop fills, and how a row fills them. `row_version` is left to its default.

use super::encode::Rows;
use crate::shop::{Customer, Moment, Product, Purchase};

pub(super) const CUSTOMERS: &str = "COPY production.customers (customer_id, first_name, last_name, email, city, state, \
     country, created_at, updated_at) FROM STDIN (FORMAT binary)";
pub(super) const PRODUCTS: &str = "COPY production.products (product_id, name, category, unit_price, created_at, \
     updated_at) FROM STDIN (FORMAT binary)";
pub(super) const ORDERS: &str = "COPY production.orders (order_id, customer_id, status, ship_city, ship_state, \
     ship_country, placed_at, updated_at, status_due_at) FROM STDIN (FORMAT binary)";
pub(super) const ORDER_ITEMS: &str = "COPY production.order_items (order_item_id, order_id, product_id, quantity, \
     unit_price, discount, created_at, updated_at) FROM STDIN (FORMAT binary)";

pub(super) fn customer(rows: &mut Rows, customer: &Customer) {
    rows.row(9);
    rows.bigint(customer.customer_id);
    rows.text(customer.first_name);
    rows.text(customer.last_name);
    rows.text_with(|text| customer.write_email(text));
    rows.text(customer.place.city());
    rows.text(customer.place.state());
    rows.text(customer.place.country());
    rows.moment(customer.created_at);
    rows.moment(customer.created_at);
}

pub(super) fn product(rows: &mut Rows, product: &Product, created_at: Moment) {
    rows.row(6);
    rows.bigint(product.product_id);
    rows.text_with(|text| {
        text.extend_from_slice(product.line.as_bytes());
        text.push(b' ');
        text.extend_from_slice(product.ware.as_bytes());
    });
    rows.text(product.category);
    rows.money(product.unit_price);
    rows.moment(created_at);
    rows.moment(created_at);
}

pub(super) fn order(rows: &mut Rows, purchase: &Purchase) {
    let order = &purchase.order;
    rows.row(9);
    rows.bigint(order.order_id);
    rows.bigint(order.customer_id);
    rows.text(order.state.status.as_str());
    rows.text(order.ship_to.city());
    rows.text(order.ship_to.state());
    rows.text(order.ship_to.country());
    rows.moment(order.placed_at);
    rows.moment(order.state.since);
    rows.optional_moment(order.state.due);
}

pub(super) fn order_items(rows: &mut Rows, purchase: &Purchase) {
    for (item, order_item_id) in purchase.basket.lines().iter().zip(purchase.first_order_item_id..) {
        rows.row(8);
        rows.bigint(order_item_id);
        rows.bigint(purchase.order.order_id);
        rows.bigint(item.product_id);
        rows.int(item.quantity);
        rows.money(item.unit_price);
        rows.money(item.discount);
        rows.moment(purchase.order.placed_at);
        rows.moment(purchase.order.placed_at);
    }
}
