-- A shop as wide as the real one: 1,000 products, 300 places, most orders of the last days still under way.
insert into production.products (product_id, name, category, unit_price, created_at, updated_at)
select p, 'Product ' || p, 'Category ' || p % 20, (p * 137 % 20000) / 100.0, '2020-01-01', '2020-01-01'
from generate_series(51, 1000) as p;

-- Orders by number, their lines and customers, placed at an even pace from `opened` on.
create function production.write_orders(first_order bigint, orders bigint, opened timestamptz, per_day bigint)
returns void language sql as $$
    insert into production.customers
        (customer_id, first_name, last_name, email, city, state, country, created_at, updated_at)
    select i, 'First' || i % 500, 'Last' || i % 1000, i || '@example.com', 'City' || i % 300, 'State' || i % 100,
           'Country' || i % 10, opened + i * 4 * interval '1 day' / per_day, opened + i * 4 * interval '1 day' / per_day
    from generate_series(first_order / 4, (first_order + orders - 1) / 4) as i
    on conflict do nothing;

    insert into production.orders
        (order_id, customer_id, status, ship_city, ship_state, ship_country, placed_at, updated_at, status_due_at)
    select o, o * 7919 % (o / 4 + 1),
           (array['delivered', 'delivered', 'delivered', 'shipped', 'paid', 'placed', 'cancelled', 'returned'])[1 + o % 8],
           'City' || o % 300, 'State' || o % 100, 'Country' || o % 10,
           opened + o * interval '1 day' / per_day, opened + o * interval '1 day' / per_day, null
    from generate_series(first_order, first_order + orders - 1) as o;

    insert into production.order_items
        (order_item_id, order_id, product_id, quantity, unit_price, discount, created_at, updated_at)
    select o * 4 + k, o, 1 + (o * 7 + k * 13) % 1000, 1 + (o + k) % 3, ((o * 31 + k * 17) % 20000 + 99) / 100.0,
           case when (o + k) % 5 = 0 then ((o * 31 + k * 17) % 20000 + 99) / 1000.0 else 0 end,
           opened + o * interval '1 day' / per_day, opened + o * interval '1 day' / per_day
    from generate_series(first_order, first_order + orders - 1) as o, lateral generate_series(0, (1 + o % 4)::int - 1) as k;
$$;
