with sales as (

    select * from {{ ref('int_sales_by_day_and_place') }}

)

select
    order_date,
    sum(orders_placed) as orders_placed,
    sum(orders) as orders,
    sum(gross_amount) as gross_revenue,
    sum(discount_amount) as discount,
    sum(net_amount) as net_revenue
from sales
group by order_date
