-- The shop's tables. Every statement may run again on a shop that exists.
--
-- row_version tells which transaction last wrote a row. A reader that remembers the xmin of its snapshot and asks next
-- time for every row with row_version >= that xmin misses nothing, however late a transaction commits: whatever was in
-- progress then has an id at or above it. Rows that are deleted leave a tombstone in deleted_rows under the same rule.
--
-- There are no foreign keys, for the speed of bulk loads; whoever deletes an order deletes its items.

CREATE SCHEMA IF NOT EXISTS production;

CREATE TABLE IF NOT EXISTS production.customers (
    customer_id bigint PRIMARY KEY,
    first_name  text NOT NULL,
    last_name   text NOT NULL,
    email       text NOT NULL,
    city        text NOT NULL,
    state       text NOT NULL,
    country     text NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    row_version bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
);

CREATE TABLE IF NOT EXISTS production.products (
    product_id  bigint PRIMARY KEY,
    name        text NOT NULL,
    category    text NOT NULL,
    unit_price  numeric(10, 2) NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    row_version bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
);

CREATE TABLE IF NOT EXISTS production.orders (
    order_id      bigint PRIMARY KEY,
    customer_id   bigint NOT NULL,
    status        text NOT NULL,
    ship_city     text NOT NULL,
    ship_state    text NOT NULL,
    ship_country  text NOT NULL,
    placed_at     timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    status_due_at timestamptz,
    row_version   bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    CONSTRAINT orders_status_known
        CHECK (status IN ('placed', 'paid', 'shipped', 'delivered', 'cancelled', 'returned'))
);
COMMENT ON COLUMN production.orders.status_due_at IS 'when the shop next acts on the order; null once its status is final';

CREATE TABLE IF NOT EXISTS production.order_items (
    order_item_id bigint PRIMARY KEY,
    order_id      bigint NOT NULL,
    product_id    bigint NOT NULL,
    quantity      int NOT NULL,
    unit_price    numeric(10, 2) NOT NULL,
    discount      numeric(10, 2) NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    row_version   bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
);
COMMENT ON COLUMN production.order_items.discount IS 'amount taken off the whole line';

CREATE TABLE IF NOT EXISTS production.generator_ticks (
    tick                bigint PRIMARY KEY,
    seed                bigint NOT NULL,
    window_start        timestamptz NOT NULL,
    window_end          timestamptz NOT NULL,
    rate                double precision NOT NULL,
    customers           int NOT NULL,
    orders              int NOT NULL,
    order_items         int NOT NULL,
    status_changes      int NOT NULL,
    first_customer_id   bigint NOT NULL,
    first_order_id      bigint NOT NULL,
    first_order_item_id bigint NOT NULL,
    generate_ms         double precision NOT NULL,
    write_ms            double precision NOT NULL,
    written_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    row_version         bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
);
COMMENT ON TABLE production.generator_ticks IS
    'One row for every unit of the generator''s work, written with its rows: 0 opens the shop, negative ones are days of history, positive ones are live';
COMMENT ON COLUMN production.generator_ticks.rate IS 'orders per minute asked for, before the time of day, week and year';

CREATE TABLE IF NOT EXISTS production.deleted_rows (
    table_name  text NOT NULL,
    row_key     bigint NOT NULL,
    row         jsonb NOT NULL,
    deleted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    row_version bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
);

CREATE INDEX IF NOT EXISTS customers_row_version ON production.customers (row_version);
CREATE INDEX IF NOT EXISTS products_row_version ON production.products (row_version);
CREATE INDEX IF NOT EXISTS orders_row_version ON production.orders (row_version);
CREATE INDEX IF NOT EXISTS order_items_row_version ON production.order_items (row_version);
CREATE INDEX IF NOT EXISTS generator_ticks_row_version ON production.generator_ticks (row_version);
CREATE INDEX IF NOT EXISTS deleted_rows_row_version ON production.deleted_rows (row_version);

CREATE INDEX IF NOT EXISTS orders_status_due_at ON production.orders (status_due_at) WHERE status_due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS order_items_order_id ON production.order_items (order_id);

CREATE OR REPLACE FUNCTION production.stamp_row_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.row_version := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$$;

-- The trigger's argument is the name of the key column.
CREATE OR REPLACE FUNCTION production.bury_deleted_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production.deleted_rows (table_name, row_key, row)
    SELECT TG_TABLE_NAME, (dead.row ->> TG_ARGV[0])::bigint, dead.row
    FROM (SELECT to_jsonb(deleted) AS row FROM deleted) AS dead;
    RETURN NULL;
END
$$;

-- TRUNCATE fires no delete trigger and has no transition table, so the rows are buried before they go.
CREATE OR REPLACE FUNCTION production.bury_truncated_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'INSERT INTO production.deleted_rows (table_name, row_key, row) SELECT %L, %I, to_jsonb(doomed) FROM production.%I AS doomed',
        TG_TABLE_NAME, TG_ARGV[0], TG_TABLE_NAME
    );
    RETURN NULL;
END
$$;

DO $$
DECLARE
    table_name text;
    key_column text;
BEGIN
    FOR table_name, key_column IN VALUES
        ('customers', 'customer_id'), ('products', 'product_id'), ('orders', 'order_id'),
        ('order_items', 'order_item_id'), ('generator_ticks', 'tick')
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER stamp_row_version BEFORE UPDATE ON production.%I
             FOR EACH ROW EXECUTE FUNCTION production.stamp_row_version()', table_name);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER bury_deleted_rows AFTER DELETE ON production.%I
             REFERENCING OLD TABLE AS deleted
             FOR EACH STATEMENT EXECUTE FUNCTION production.bury_deleted_rows(%L)', table_name, key_column);
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER bury_truncated_rows BEFORE TRUNCATE ON production.%I
             FOR EACH STATEMENT EXECUTE FUNCTION production.bury_truncated_rows(%L)', table_name, key_column);
    END LOOP;
END
$$;
