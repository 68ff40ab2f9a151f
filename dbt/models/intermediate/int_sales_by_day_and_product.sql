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
with orders as (

    select * from {{ ref('fct_orders') }}

),

raw_orders as (

    select * from {{ ref('stg_orders') }}

),

-- Days are computed anew as a whole: those of the lines that arrived, and those of what was deleted.
{% if is_incremental() %}
due_days as (

    select order_date from {{ ref('fct_order_items') }}
    where {{ arrived() }}
    union
    select order_date from raw_orders
    where is_deleted and {{ arrived() }}
    union
    select order_date from orders
    where {{ arrived() }}

),

due_lines as (

    select * from {{ ref('fct_order_items') }}
    where order_date in (select order_date from due_days)

),
{% else %}
due_days as (

    select distinct order_date from {{ ref('fct_order_items') }}

),

due_lines as (

    select * from {{ ref('fct_order_items') }}

),
{% endif %}

sales as (

    select
        order_date,
        product_id,
        sum(case when is_revenue then quantity else 0 end) as quantity,
        sum(case when is_revenue then net_amount else 0 end) as net_amount,
        max(loaded_at) as loaded_at
    from due_lines
    group by order_date, product_id

)

-- A day whose last line was deleted has no sales: it comes out as one row to delete.
select
    due_days.order_date,
    sales.product_id,
    {{ big_integer('sales.quantity') }} as quantity,
    {{ money('sales.net_amount') }} as net_amount,
    sales.order_date is null as is_deleted,
    sales.loaded_at
from due_days
left join sales on due_days.order_date = sales.order_date
