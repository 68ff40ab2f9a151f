{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='order_item_id',
        on_schema_change='fail',
        post_hook="{{ drop_deleted() }}"
    )
}}

-- A line takes its day, place and status from its order, so it is due again when either of the two arrives.
-- Tables that are read more than once are named where they are read: DuckDB would copy all the rows of such a CTE.
with

{% if is_incremental() %}
due_items as (

    select * from {{ ref('stg_order_items') }}
    where {{ arrived() }}
    union all
    select * from {{ ref('stg_order_items') }}
    where not ({{ arrived() }}) and order_id in (select order_id from {{ ref('stg_orders') }} where {{ arrived() }})

),

-- Narrowed down before the join: a join reads the whole of a table of which it was not told what is due.
due_orders as (

    select * from {{ ref('stg_orders') }}
    where order_id in (select order_id from due_items)

),
{% else %}
due_items as (

    select * from {{ ref('stg_order_items') }}

),

due_orders as (

    select * from {{ ref('stg_orders') }}

),
{% endif %}

lines as (

    select
        due_items.order_item_id,
        due_items.order_id,
        due_items.product_id,
        due_orders.customer_id,
        due_orders.order_date,
        due_orders.status,
        due_orders.is_revenue,
        due_items.quantity,
        due_items.unit_price,
        due_items.gross_amount,
        due_items.discount_amount,
        due_items.net_amount,
        due_items.is_deleted or coalesce(due_orders.is_deleted, true) as is_deleted,
        greatest(due_items.loaded_at, coalesce(due_orders.loaded_at, due_items.loaded_at)) as loaded_at
    from due_items
    left join due_orders on due_items.order_id = due_orders.order_id

)

select * from lines
