{{ config(tags=['full'], meta={'dagster': {'ref': {'name': 'fct_orders'}}}) }}

-- The incremental facts against the staged rows they come from: nothing lost, nothing left over, no amount off.
with expected as (

    select
        orders.order_id,
        orders.status,
        coalesce(sum(items.net_amount), 0) as net_amount
    from {{ ref('stg_orders') }} as orders
    left join {{ ref('stg_order_items') }} as items
        on orders.order_id = items.order_id and not items.is_deleted
    where not orders.is_deleted
    group by orders.order_id, orders.status

),

actual as (

    select
        order_id,
        status,
        net_amount
    from {{ ref('fct_orders') }}

)

select
    expected.order_id as expected_order_id,
    actual.order_id as actual_order_id
from expected
full outer join actual on expected.order_id = actual.order_id
where
    expected.order_id is null
    or actual.order_id is null
    or expected.status != actual.status
    or expected.net_amount != actual.net_amount
