with order_items as (

    select * from {{ source('raw', 'order_items') }}

)

select
    {{ big_integer('order_item_id') }} as order_item_id,
    {{ big_integer('order_id') }} as order_id,
    {{ big_integer('product_id') }} as product_id,
    {{ big_integer('quantity') }} as quantity,
    {{ money('unit_price') }} as unit_price,
    {{ money('quantity * unit_price') }} as gross_amount,
    {{ money('discount') }} as discount_amount,
    {{ money('quantity * unit_price - discount') }} as net_amount,
    created_at,
    updated_at,
    {{ is_deleted() }} as is_deleted,
    {{ loaded_at() }} as loaded_at
from order_items
