{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='order_date',
        on_schema_change='fail',
        post_hook="{{ drop_deleted() }}"
    )
}}

-- Tables that are read more than once are named where they are read: DuckDB would copy all the rows of such a CTE.
with raw_orders as (

    select * from {{ ref('stg_orders') }}

),

-- Days are computed anew as a whole: those of the orders that arrived, and those of the orders that were deleted.
{% if is_incremental() %}
due_days as (

    select order_date from {{ ref('fct_orders') }}
    where {{ arrived() }}
    union
    select order_date from raw_orders
    where is_deleted and {{ arrived() }}

),

due_orders as (

    select * from {{ ref('fct_orders') }}
    where order_date in (select order_date from due_days)

),
{% else %}
due_days as (

    select distinct order_date from {{ ref('fct_orders') }}

),

due_orders as (

    select * from {{ ref('fct_orders') }}

),
{% endif %}

sales as (

    select
        order_date,
        ship_country,
        ship_state,
        ship_city,
        count(*) as orders_placed,
        sum(case when is_revenue then 1 else 0 end) as orders,
        sum(case when is_revenue then gross_amount else 0 end) as gross_amount,
        sum(case when is_revenue then discount_amount else 0 end) as discount_amount,
        sum(case when is_revenue then net_amount else 0 end) as net_amount,
        max(loaded_at) as loaded_at
    from due_orders
    group by order_date, ship_country, ship_state, ship_city

)

-- A day whose last order was deleted has no sales: it comes out as one row to delete.
select
    due_days.order_date,
    sales.ship_country,
    sales.ship_state,
    sales.ship_city,
    {{ big_integer('sales.orders_placed') }} as orders_placed,
    {{ big_integer('sales.orders') }} as orders,
    {{ money('sales.gross_amount') }} as gross_amount,
    {{ money('sales.discount_amount') }} as discount_amount,
    {{ money('sales.net_amount') }} as net_amount,
    sales.order_date is null as is_deleted,
    sales.loaded_at
from due_days
left join sales on due_days.order_date = sales.order_date
