{{ config(tags=['full'], meta={'dagster': {'ref': {'name': 'int_sales_by_day_and_place'}}}) }}

-- The days are computed anew only when something arrives for them. This finds one that was missed.
with expected as (

    select
        order_date,
        sum(case when is_revenue then net_amount else 0 end) as net_amount
    from {{ ref('fct_orders') }}
    group by order_date

),

actual as (

    select
        order_date,
        sum(net_amount) as net_amount
    from {{ ref('int_sales_by_day_and_place') }}
    group by order_date

)

select
    expected.order_date as expected_order_date,
    actual.order_date as actual_order_date
from expected
full outer join actual on expected.order_date = actual.order_date
where
    expected.order_date is null
    or actual.order_date is null
    or expected.net_amount != actual.net_amount
