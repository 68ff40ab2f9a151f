{#- The schemas have the names the models give them, on every target: one stack, one warehouse. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
