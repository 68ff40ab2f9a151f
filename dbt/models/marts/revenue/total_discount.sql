with daily as (

    select * from {{ ref('revenue_daily') }}

)

select {{ money('coalesce(sum(discount), 0)') }} as total_discount
from daily
