{#- The project's types, said once. Money is a decimal of the warehouse's own, never a float. -#}

{% macro money(column) -%}
    cast({{ column }} as decimal(18, 2))
{%- endmacro %}

{% macro big_integer(column) -%}
    cast({{ column }} as {{ dbt.type_bigint() }})
{%- endmacro %}

{#- The day (UTC) of an instant. The sessions of both targets run in UTC. -#}
{% macro utc_day(column) -%}
    cast({{ column }} as date)
{%- endmacro %}
