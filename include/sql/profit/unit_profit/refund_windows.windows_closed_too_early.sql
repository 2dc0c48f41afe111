select windows.order_ds
from {{ table }} as windows
left join (select distinct ds from core.order_lines) as days
    on
        days.ds >= cast(windows.order_ds + interval '29' day as date)
        and days.ds <= cast(windows.order_ds + interval '45' day as date)
where days.ds is null
