-- The shop's tables as the pipeline reads them, with rows made by generate_series instead of the generator:
-- the tests need exact control over which transaction writes what.
create schema production;

create table production.customers (
    customer_id bigint primary key,
    first_name text not null,
    last_name text not null,
    email text not null,
    city text not null,
    state text not null,
    country text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    row_version bigint not null default (pg_current_xact_id()::text::bigint)
);

create table production.products (
    product_id bigint primary key,
    name text not null,
    category text not null,
    unit_price numeric(10, 2) not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    row_version bigint not null default (pg_current_xact_id()::text::bigint)
);

create table production.orders (
    order_id bigint primary key,
    customer_id bigint not null,
    status text not null,
    ship_city text not null,
    ship_state text not null,
    ship_country text not null,
    placed_at timestamptz not null,
    updated_at timestamptz not null,
    status_due_at timestamptz,
    row_version bigint not null default (pg_current_xact_id()::text::bigint)
);

create table production.order_items (
    order_item_id bigint primary key,
    order_id bigint not null,
    product_id bigint not null,
    quantity int not null,
    unit_price numeric(10, 2) not null,
    discount numeric(10, 2) not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    row_version bigint not null default (pg_current_xact_id()::text::bigint)
);

create table production.generator_ticks (
    tick bigint primary key,
    seed bigint not null,
    window_start timestamptz not null,
    window_end timestamptz not null,
    rate double precision not null,
    customers int not null,
    orders int not null,
    order_items int not null,
    status_changes int not null,
    first_customer_id bigint not null,
    first_order_id bigint not null,
    first_order_item_id bigint not null,
    generate_ms double precision not null,
    write_ms double precision not null,
    written_at timestamptz not null,
    row_version bigint not null default (pg_current_xact_id()::text::bigint)
);

create table production.deleted_rows (
    table_name text not null,
    row_key bigint not null,
    row jsonb not null,
    deleted_at timestamptz not null default now(),
    row_version bigint not null default (pg_current_xact_id()::text::bigint)
);

create function production.stamp_row_version() returns trigger language plpgsql as $$
begin
    new.row_version := pg_current_xact_id()::text::bigint;
    return new;
end $$;

create function production.keep_tombstones() returns trigger language plpgsql as $$
begin
    execute format(
        'insert into production.deleted_rows (table_name, row_key, row) select %L, gone.%I, to_jsonb(gone) from gone',
        tg_table_name, tg_argv[0]
    );
    return null;
end $$;

do $$
declare t record;
begin
    for t in
        select * from (values
            ('customers', 'customer_id'), ('products', 'product_id'), ('orders', 'order_id'),
            ('order_items', 'order_item_id'), ('generator_ticks', 'tick')
        ) as v(name, key)
    loop
        execute format('create index on production.%I (row_version)', t.name);
        execute format('create trigger stamp before update on production.%I for each row
                        execute function production.stamp_row_version()', t.name);
        execute format('create trigger tombstones after delete on production.%I referencing old table as gone
                        for each statement execute function production.keep_tombstones(%L)', t.name, t.key);
    end loop;
    create index on production.deleted_rows (row_version);
end $$;

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
