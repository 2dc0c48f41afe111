select
    experiment_id,
    user_id,
    exposed_at
from core.exposures
where ds >= date '{{ start }}' and ds < date '{{ end }}' and not is_contaminated
