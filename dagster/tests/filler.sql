-- What the tests need besides the shop's own schema: rows made by generate_series instead of the generator, for exact control
-- over which transaction writes what.

-- Deterministic filler: n customers, 50 products, m orders with 2.5 items each, the days going back from :now.
create function production.fill(first_order bigint, orders bigint, first_placed timestamptz, span interval)
returns void language sql as $$
    insert into production.customers
        (customer_id, first_name, last_name, email, city, state, country, created_at, updated_at)
    select i, 'First' || i, 'Last' || i, i || '@example.com', 'City' || i % 40, 'State' || i % 20,
           (array['US', 'DE', 'IN', 'BR'])[1 + i % 4], first_placed, first_placed
    from generate_series(first_order / 4 + 1, (first_order + orders - 1) / 4 + 1) as i
    on conflict do nothing;

    insert into production.orders
        (order_id, customer_id, status, ship_city, ship_state, ship_country, placed_at, updated_at, status_due_at)
    select o, o / 4 + 1,
           (array['delivered', 'delivered', 'delivered', 'shipped', 'paid', 'placed', 'cancelled', 'returned'])[1 + o % 8],
           'City' || (o / 4 + 1) % 40, 'State' || (o / 4 + 1) % 20, (array['US', 'DE', 'IN', 'BR'])[1 + (o / 4 + 1) % 4],
           first_placed + span * ((o - first_order)::float8 / orders),
           first_placed + span * ((o - first_order)::float8 / orders), null
    from generate_series(first_order, first_order + orders - 1) as o;

    insert into production.order_items
        (order_item_id, order_id, product_id, quantity, unit_price, discount, created_at, updated_at)
    select o * 4 + k, o, 1 + (o * 7 + k * 13) % 50, 1 + (o + k) % 3, ((o * 31 + k * 17) % 20000 + 99) / 100.0,
           case when (o + k) % 5 = 0 then ((o * 31 + k * 17) % 20000 + 99) / 1000.0 else 0 end,
           first_placed + span * ((o - first_order)::float8 / orders),
           first_placed + span * ((o - first_order)::float8 / orders)
    from generate_series(first_order, first_order + orders - 1) as o, lateral generate_series(0, (1 + o % 4)::int - 1) as k;
$$;

insert into production.products (product_id, name, category, unit_price, created_at, updated_at)
select p, 'Product ' || p, 'Category ' || p % 7, (p * 137 % 20000) / 100.0, '2026-01-01', '2026-01-01'
from generate_series(1, 50) as p;
