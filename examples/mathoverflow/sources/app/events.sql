-- An answer or a comment is an event of who wrote it. Events have no number: they get one by their content. Those that repeat
-- another in full, 27, get one of their own, for they count too.
with interactions as (
    select
        ds,
        "SRC" as author,
        "TGT" as addressee,
        cast("UNIXTS" as bigint) as seconds,
        kind,
        row_number() over (partition by ds, "SRC", "TGT", "UNIXTS", kind order by ds) as occurrence
    from landing.interactions
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
)

select
    ds,
    concat(
        cast(seconds as varchar), '-', kind, '-', cast(author as varchar), '-', cast(addressee as varchar), '-',
        cast(occurrence as varchar)
    ) as event_id,
    cast(author as varchar) as user_id,
    cast(null as varchar) as session_id,
    cast(kind as varchar) as event_type,
    timestamp '1970-01-01 00:00:00' + seconds * interval '1' second as occurred_at,
    cast(null as varchar) as platform,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from interactions
