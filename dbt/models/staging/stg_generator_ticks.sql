with generator_ticks as (

    select * from {{ source('raw', 'generator_ticks') }}

)

select
    {{ big_integer('tick') }} as tick,
    window_start,
    window_end,
    rate as orders_per_minute,
    {{ big_integer('customers') }} as customers,
    {{ big_integer('orders') }} as orders,
    {{ big_integer('order_items') }} as order_items,
    {{ big_integer('status_changes') }} as status_changes,
    generate_ms,
    write_ms,
    written_at,
    {{ is_deleted() }} as is_deleted,
    {{ loaded_at() }} as loaded_at
from generator_ticks
