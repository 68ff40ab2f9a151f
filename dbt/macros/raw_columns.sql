{#-
    The two columns in which the loaders differ: dlt writes `loaded_at` and `is_deleted` itself, Airbyte's CDC
    writes `_airbyte_extracted_at` and, for a deleted row, `_ab_cdc_deleted_at`.
-#}

{% macro loaded_at() -%}
    {{ return(adapter.dispatch('loaded_at', 'retailflow')()) }}
{%- endmacro %}

{% macro default__loaded_at() -%} loaded_at {%- endmacro %}

{% macro snowflake__loaded_at() -%} _airbyte_extracted_at {%- endmacro %}

{% macro is_deleted() -%}
    {{ return(adapter.dispatch('is_deleted', 'retailflow')()) }}
{%- endmacro %}

{% macro default__is_deleted() -%} is_deleted {%- endmacro %}

{% macro snowflake__is_deleted() -%} (_ab_cdc_deleted_at is not null) {%- endmacro %}
