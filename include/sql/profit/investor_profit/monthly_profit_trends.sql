-- A change compares whole months only. A fall from a profit of zero into a loss is a drop, though it has no ratio.
{% from 'macros/ratio.jinja' import change, ratio %}
with months as (
    select
        cast(date_trunc('month', ds) as date) as month,
        count(distinct ds) as day_count,
        sum(net_revenue) as net_revenue,
        sum(gross_profit) as gross_profit,
        sum(net_profit) as net_profit
    from profit.daily_profit_summary
    where ds >= cast(date '{{ start }}' - interval '12' month as date) and ds < date '{{ end }}'
    group by cast(date_trunc('month', ds) as date)
),

covered as (
    select
        month,
        {{ ratio('day_count', "date_diff('day', month, cast(month + interval '1' month as date))") }} as coverage,
        net_revenue,
        gross_profit,
        net_profit
    from months
),

compared as (
    select
        covered.month,
        covered.coverage,
        covered.net_revenue,
        covered.gross_profit,
        covered.net_profit,
        month_before.net_revenue as net_revenue_month_before,
        month_before.gross_profit as gross_profit_month_before,
        month_before.net_profit as net_profit_month_before,
        year_before.net_revenue as net_revenue_year_before,
        year_before.gross_profit as gross_profit_year_before,
        year_before.net_profit as net_profit_year_before
    from covered
    left join covered as month_before
        on
            month_before.month = cast(covered.month - interval '1' month as date)
            and month_before.coverage = 1
            and covered.coverage = 1
    left join covered as year_before
        on
            year_before.month = cast(covered.month - interval '12' month as date)
            and year_before.coverage = 1
            and covered.coverage = 1
    where covered.month >= date '{{ start }}'
)

select
    month,
    cast(net_revenue as decimal(18, 4)) as net_revenue,
    cast(gross_profit as decimal(18, 4)) as gross_profit,
    cast(net_profit as decimal(18, 4)) as net_profit,
    {{ ratio('gross_profit', 'net_revenue') }} as gross_margin,
    {{ ratio('net_profit', 'net_revenue') }} as net_margin,
    {{ change('net_revenue', 'net_revenue_month_before') }} as net_revenue_change_on_month_before,
    {{ change('gross_profit', 'gross_profit_month_before') }} as gross_profit_change_on_month_before,
    {{ change('net_profit', 'net_profit_month_before') }} as net_profit_change_on_month_before,
    {{ change('net_revenue', 'net_revenue_year_before') }} as net_revenue_change_on_year_before,
    {{ change('gross_profit', 'gross_profit_year_before') }} as gross_profit_change_on_year_before,
    {{ change('net_profit', 'net_profit_year_before') }} as net_profit_change_on_year_before,
    coverage,
    coverage < 1 as is_provisional,
    coalesce(net_profit < net_profit_month_before - abs(net_profit_month_before) * 0.05, false) as is_profit_drop
from compared
