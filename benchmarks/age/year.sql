-- Makes the shop's book-keeping that of one that has been open for a year: a week of ticks of two seconds and before that one an
-- hour, which is what the shop keeps. They wrote nothing: what they would have written is history, and there already.

begin;

create temporary table life as
select date_trunc('second', now()) - interval '365 days' as opened,
    (select max(window_end) from production.generator_ticks where tick <= 0) as origin;

update production.generator_ticks
set window_start = window_start - (origin - opened), window_end = window_end - (origin - opened)
from life;

delete from production.generator_ticks where tick > 0;

insert into production.generator_ticks (
    tick, seed, window_start, window_end, rate, customers, orders, order_items, status_changes,
    first_customer_id, first_order_id, first_order_item_id, generate_ms, write_ms
)
select
    row_number() over (order by lived.window_start), opening.seed, lived.window_start, lived.window_end, opening.rate, 0, 0, 0, 0,
    (select max(customer_id) + 1 from production.customers), (select max(order_id) + 1 from production.orders),
    (select max(order_item_id) + 1 from production.order_items), 0.1, 2
from production.generator_ticks as opening,
    (
        select opened + hour * interval '1 hour' as window_start, opened + (hour + 1) * interval '1 hour' as window_end
        from life, generate_series(0, 358 * 24 - 1) as hour
        union all
        select opened + interval '358 days' + step * interval '2 seconds', opened + interval '358 days' + (step + 1) * interval '2 seconds'
        from life, generate_series(0, 7 * 43200 - 1) as step
    ) as lived
where opening.tick = 0;

commit;

vacuum analyze;
