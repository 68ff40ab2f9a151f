{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='customer_id',
        on_schema_change='fail',
        post_hook="{{ drop_deleted() }}"
    )
}}

with customers as (

    select * from {{ ref('stg_customers') }}

)

select
    customer_id,
    first_name,
    last_name,
    email,
    city,
    state,
    country,
    created_at,
    is_deleted,
    loaded_at
from customers
where {{ arrived() }}
