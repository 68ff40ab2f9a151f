with daily as (

    select * from {{ ref('revenue_daily') }}

)

select {{ money('coalesce(sum(gross_revenue), 0)') }} as total_revenue
from daily
