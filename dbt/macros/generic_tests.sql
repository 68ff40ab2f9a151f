{#- The generic tests that dbt does not bring along. A null passes the first two: `not_null` is a test of its own. -#}

{% test positive(model, column_name) %}
    select {{ column_name }} from {{ model }}
    where {{ column_name }} <= 0
{% endtest %}

{% test not_negative(model, column_name) %}
    select {{ column_name }} from {{ model }}
    where {{ column_name }} < 0
{% endtest %}

{% test unique_together(model, columns) %}
    select {{ columns | join(', ') }} from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
