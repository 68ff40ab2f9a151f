{#-
    Which rows a test looks at.

    Tests of tables that grow with history are configured with `where: __rows_of_this_refresh__`. A plain `dbt build` or
    `dbt test` reads that as every row. A refresh sets RETAILFLOW_TESTED_SINCE to the newest `loaded_at` that was
    published, and the same tests then look only at rows loaded since: every row is tested before it is first
    published, and the work of a refresh does not grow with history. What only the whole table can show, such as a
    key that came twice in two refreshes, is found by the daily full check.

    An environment variable and not a dbt variable: dbt parses the whole project anew when a variable changes.
-#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where == '__rows_of_this_refresh__' -%}
        {%- set since = env_var('RETAILFLOW_TESTED_SINCE', '') if execute else '' -%}
        {%- set where = 'loaded_at > ' ~ retailflow.instant(since) if since else '' -%}
    {%- endif -%}
    {%- if where -%}
        (select * from {{ relation }} where {{ where }}) as tested_rows
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
