with sales as (

    select * from {{ ref('int_sales_by_day_and_product') }}

),

products as (

    select * from {{ ref('dim_products') }}

)

select
    sales.product_id,
    coalesce(products.product_name, 'Product ' || sales.product_id) as product_name,
    coalesce(products.category, 'unknown') as category,
    sum(sales.quantity) as quantity,
    sum(sales.net_amount) as net_amount
from sales
left join products on sales.product_id = products.product_id
group by sales.product_id, products.product_name, products.category
