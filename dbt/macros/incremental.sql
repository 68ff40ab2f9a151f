{#-
    How the incremental models follow the raw tables.

    The cursor is `loaded_at`, the order in which rows arrived: whatever a refresh brings has a later one than all
    that came before, however old the row itself is. An incremental model's own newest `loaded_at` says how far it has
    come, so a refresh that fails half-way is made good by the next one.
-#}

{#-
    Whether a row arrived after the last run of this model; on a full build every row did.

    The cursor is put in as a literal, not as a subquery: only against a literal does the warehouse skip the blocks of
    old rows by their statistics, and a refresh's work stays that of its own rows.
-#}
{% macro arrived(column='loaded_at') -%}
    {%- if is_incremental() -%}
        {{ column }} > {{ retailflow.cursor() }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro cursor() -%}
    {%- set newest -%}
        (select coalesce(max(loaded_at), {{ retailflow.instant('1970-01-01') }}) from {{ this }})
    {%- endset -%}
    {%- if execute and model.resource_type != 'unit_test' -%}
        {{ retailflow.instant(retailflow.scalar(newest)) }}
    {%- else -%}
        {{ newest }}
    {%- endif -%}
{%- endmacro %}

{#- The one value of a query, as text. -#}
{% macro scalar(query) -%}
    {{ return(run_query('select cast(' ~ query ~ ' as ' ~ dbt.type_string() ~ ') as value').columns[0].values()[0]) }}
{%- endmacro %}

{#- An instant as a literal. -#}
{% macro instant(text) -%}
    cast('{{ text }}' as {{ adapter.dispatch('type_instant', 'retailflow')() }})
{%- endmacro %}

{% macro default__type_instant() -%} timestamp with time zone {%- endmacro %}

{% macro snowflake__type_instant() -%} timestamp_tz {%- endmacro %}

{#-
    A model emits a row that has to go as a row with `is_deleted`, because delete+insert only touches keys it sees. This
    post-hook then takes it out, in the same transaction.
-#}
{% macro drop_deleted() -%}
    delete from {{ this }} where is_deleted
{%- endmacro %}
