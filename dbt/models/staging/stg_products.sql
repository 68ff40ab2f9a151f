with products as (

    select * from {{ source('raw', 'products') }}

)

select
    {{ big_integer('product_id') }} as product_id,
    name as product_name,
    category,
    {{ money('unit_price') }} as unit_price,
    created_at,
    updated_at,
    {{ is_deleted() }} as is_deleted,
    {{ loaded_at() }} as loaded_at
from products
