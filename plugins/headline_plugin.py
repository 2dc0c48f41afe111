"""What Headline adds to Airflow: buttons on tasks and pages behind them, timetable and deadline, engines loaded before a fork."""

from airflow.plugins_manager import AirflowPlugin

from headline.api.served import VERSION, api
from headline.operators import preload, takeover
from headline.operators.landing_deadline import LandingDeadline
from headline.operators.links import PREFIX, ContractsLink, RunbookLink
from headline.operators.priority import Urgency
from headline.pages.logins import LimitedLogins
from headline.pages.served import pages
from headline.timetable import DailyTimetable


class HeadlinePlugin(AirflowPlugin):
    """Registered by Airflow when it scans the plugins folder."""

    name = "headline"
    operator_extra_links = [RunbookLink(), ContractsLink()]  # noqa: RUF012 (Airflow's convention)
    fastapi_apps = [  # noqa: RUF012 (the first whose prefix fits answers)
        {"app": api, "url_prefix": f"{PREFIX}{VERSION}", "name": "headline data api"},
        {"app": pages, "url_prefix": PREFIX, "name": "headline"},
    ]
    fastapi_root_middlewares = [{"middleware": LimitedLogins, "name": "limited logins"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {"name": "Headline", "href": f"{PREFIX}/board", "destination": "nav", "category": "browse", "url_route": "headline"},
        {
            "name": "Headline",
            "href": f"{PREFIX}/board?dag_id={{DAG_ID}}",
            "destination": "dag",
            "url_route": "headline_pipeline",
        },
    ]
    deadline_references = [LandingDeadline]  # noqa: RUF012
    timetables = [DailyTimetable]  # noqa: RUF012
    priority_weight_strategies = [Urgency]  # noqa: RUF012
    listeners = [preload, takeover]  # noqa: RUF012
