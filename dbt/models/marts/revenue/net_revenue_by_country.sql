with sales as (

    select * from {{ ref('int_sales_by_day_and_place') }}

)

select
    ship_country as country,
    sum(orders) as orders,
    sum(net_amount) as net_revenue
from sales
group by ship_country
