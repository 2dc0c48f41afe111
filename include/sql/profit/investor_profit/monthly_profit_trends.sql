-- A month is compared as soon as its last day is there; where either month is partial or lacks days the change is marked. A month
-- that lacks a day before the last one that is there is partial.
-- A fall from a profit of zero into a loss is a drop, though it has no ratio. Sales whose cost is not known are in no margin.
{% from 'macros/ratio.jinja' import change, ratio %}
{% set days_in_month = "date_diff('day', month, cast(month + interval '1' month as date))" %}
with days as (
    select
        ds,
        sum(gross_revenue - discount_amount) as sales,
        sum(net_revenue) as net_revenue,
        coalesce(sum(uncosted_net_revenue), 0) as uncosted_net_revenue,
        sum(gross_profit) as gross_profit,
        sum(net_profit) as net_profit,
        coalesce(min(coverage), 1) as coverage,
        max(case when is_partial then 1 else 0 end) as is_partial
    from profit.daily_profit_summary
    where ds >= cast(date '{{ start }}' - interval '12' month as date) and ds < date '{{ end }}'
    group by ds
),

months as (
    select
        cast(date_trunc('month', ds) as date) as month,
        count(*) as day_count,
        max(ds) as last_ds,
        sum(net_revenue) as net_revenue,
        sum(uncosted_net_revenue) as uncosted_net_revenue,
        -- Where no sale has a known cost refunds alone make no margin.
        case
            when sum(uncosted_net_revenue) = 0 or sum(uncosted_net_revenue) < sum(sales)
                then sum(net_revenue) - sum(uncosted_net_revenue)
        end as costed_net_revenue,
        sum(gross_profit) as gross_profit,
        sum(net_profit) as net_profit,
        sum(coverage) as covered_day_count,
        max(is_partial) as is_partial
    from days
    group by cast(date_trunc('month', ds) as date)
),

covered as (
    select
        month,
        day_count = {{ days_in_month }} as is_whole,
        last_ds = cast(month + interval '1' month - interval '1' day as date) as has_last_day,
        {{ ratio('covered_day_count', days_in_month) }} as coverage,
        is_partial > 0 or day_count <= date_diff('day', month, last_ds) as is_partial,
        net_revenue,
        uncosted_net_revenue,
        costed_net_revenue,
        gross_profit,
        net_profit
    from months
),

compared as (
    select
        covered.month,
        covered.is_whole,
        covered.coverage,
        covered.is_partial,
        covered.net_revenue,
        covered.uncosted_net_revenue,
        covered.costed_net_revenue,
        covered.gross_profit,
        covered.net_profit,
        month_before.net_revenue as net_revenue_month_before,
        month_before.gross_profit as gross_profit_month_before,
        month_before.net_profit as net_profit_month_before,
        year_before.net_revenue as net_revenue_year_before,
        year_before.gross_profit as gross_profit_year_before,
        year_before.net_profit as net_profit_year_before,
        month_before.month is not null
        and (covered.is_partial or month_before.is_partial or not month_before.is_whole) as is_month_comparison_partial,
        year_before.month is not null
        and (covered.is_partial or year_before.is_partial or not year_before.is_whole) as is_year_comparison_partial
    from covered
    left join covered as month_before
        on month_before.month = cast(covered.month - interval '1' month as date) and covered.has_last_day
    left join covered as year_before
        on year_before.month = cast(covered.month - interval '12' month as date) and covered.has_last_day
    where covered.month >= date '{{ start }}'
)

select
    month,
    cast(net_revenue as decimal(18, 4)) as net_revenue,
    cast(uncosted_net_revenue as decimal(18, 4)) as uncosted_net_revenue,
    cast(gross_profit as decimal(18, 4)) as gross_profit,
    cast(net_profit as decimal(18, 4)) as net_profit,
    {{ ratio('gross_profit', 'costed_net_revenue') }} as gross_margin,
    {{ ratio('net_profit', 'costed_net_revenue') }} as net_margin,
    {{ change('net_revenue', 'net_revenue_month_before') }} as net_revenue_change_on_month_before,
    {{ change('gross_profit', 'gross_profit_month_before') }} as gross_profit_change_on_month_before,
    {{ change('net_profit', 'net_profit_month_before') }} as net_profit_change_on_month_before,
    {{ change('net_revenue', 'net_revenue_year_before') }} as net_revenue_change_on_year_before,
    {{ change('gross_profit', 'gross_profit_year_before') }} as gross_profit_change_on_year_before,
    {{ change('net_profit', 'net_profit_year_before') }} as net_profit_change_on_year_before,
    is_month_comparison_partial,
    is_year_comparison_partial,
    coverage,
    is_partial,
    not is_whole as is_provisional,
    not is_month_comparison_partial
    and coalesce(net_profit < net_profit_month_before - abs(net_profit_month_before) * 0.05, false) as is_profit_drop
from compared
