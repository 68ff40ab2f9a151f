{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='order_id',
        on_schema_change='fail',
        post_hook="{{ drop_deleted() }}"
    )
}}

-- Tables that are read more than once are named where they are read: DuckDB would copy all the rows of such a CTE.
with arrived_items as (

    select * from {{ ref('stg_order_items') }}
    where {{ arrived() }}

),

lines as (

    select * from {{ ref('fct_order_items') }}

),

-- An order is due again when it arrives, and when one of its lines does, be it to be deleted.
{% if is_incremental() %}
due as (

    select order_id from {{ ref('stg_orders') }}
    where {{ arrived() }}
    union
    select order_id from arrived_items

),

due_orders as (

    select * from {{ ref('stg_orders') }}
    where order_id in (select order_id from due)

),

due_lines as (

    select * from lines
    where order_id in (select order_id from due)

),
{% else %}
due_orders as (

    select * from {{ ref('stg_orders') }}

),

due_lines as (

    select * from lines

),
{% endif %}

order_totals as (

    select
        order_id,
        count(*) as line_count,
        sum(quantity) as item_count,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) as discount_amount,
        sum(net_amount) as net_amount
    from due_lines
    group by order_id

),

order_arrivals as (

    select
        order_id,
        max(loaded_at) as loaded_at
    from arrived_items
    group by order_id

)

select
    due_orders.order_id,
    due_orders.customer_id,
    due_orders.status,
    due_orders.is_revenue,
    due_orders.ship_city,
    due_orders.ship_state,
    due_orders.ship_country,
    due_orders.placed_at,
    due_orders.order_date,
    {{ big_integer('coalesce(order_totals.line_count, 0)') }} as line_count,
    {{ big_integer('coalesce(order_totals.item_count, 0)') }} as item_count,
    {{ money('coalesce(order_totals.gross_amount, 0)') }} as gross_amount,
    {{ money('coalesce(order_totals.discount_amount, 0)') }} as discount_amount,
    {{ money('coalesce(order_totals.net_amount, 0)') }} as net_amount,
    due_orders.is_deleted,
    greatest(due_orders.loaded_at, coalesce(order_arrivals.loaded_at, due_orders.loaded_at)) as loaded_at
from due_orders
left join order_totals on due_orders.order_id = order_totals.order_id
left join order_arrivals on due_orders.order_id = order_arrivals.order_id
