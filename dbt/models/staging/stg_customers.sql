with customers as (

    select * from {{ source('raw', 'customers') }}

)

select
    {{ big_integer('customer_id') }} as customer_id,
    first_name,
    last_name,
    email,
    city,
    state,
    country,
    created_at,
    updated_at,
    {{ is_deleted() }} as is_deleted,
    {{ loaded_at() }} as loaded_at
from customers
