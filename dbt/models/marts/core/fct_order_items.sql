{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='order_item_id',
        on_schema_change='fail',
        post_hook="{{ drop_deleted() }}"
    )
}}

with orders as (

    select * from {{ ref('stg_orders') }}

),

items as (

    select * from {{ ref('stg_order_items') }}

),

-- A line takes its day, place and status from its order, so it is due again when either of the two arrives.
{% if is_incremental() %}
due as (

    select order_item_id from items
    where {{ arrived() }}
    union
    select order_item_id from items
    where order_id in (select order_id from orders where {{ arrived() }})

),

due_items as (

    select * from items
    where order_item_id in (select order_item_id from due)

),
{% else %}
due_items as (

    select * from items

),
{% endif %}

lines as (

    select
        due_items.order_item_id,
        due_items.order_id,
        due_items.product_id,
        orders.customer_id,
        orders.order_date,
        orders.status,
        orders.is_revenue,
        due_items.quantity,
        due_items.unit_price,
        due_items.gross_amount,
        due_items.discount_amount,
        due_items.net_amount,
        due_items.is_deleted or coalesce(orders.is_deleted, true) as is_deleted,
        greatest(due_items.loaded_at, coalesce(orders.loaded_at, due_items.loaded_at)) as loaded_at
    from due_items
    left join orders on due_items.order_id = orders.order_id

)

select * from lines
