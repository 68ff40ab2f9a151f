with orders as (

    select * from {{ source('raw', 'orders') }}

)

select
    {{ big_integer('order_id') }} as order_id,
    {{ big_integer('customer_id') }} as customer_id,
    status,
    status not in ('cancelled', 'returned') as is_revenue,
    ship_city,
    ship_state,
    ship_country,
    placed_at,
    {{ utc_day('placed_at') }} as order_date,
    updated_at,
    {{ is_deleted() }} as is_deleted,
    {{ loaded_at() }} as loaded_at
from orders
