"""What Airflow runs to look after the other DAGs."""

from headline import settings
from headline.approvals import approve_figures_dag
from headline.backfill_dag import backfill_dag
from headline.operations import (
    alert_drill_dag,
    arrivals_dag,
    backup_dag,
    freshness_watch_dag,
    reconciliation_dag,
    repair_dag,
    retention_dag,
    table_upkeep_dag,
)
from headline.report_dag import investor_report_dag
from headline.specs import reporting_pipelines

repair = repair_dag()
freshness_watch = freshness_watch_dag()
alert_drill = alert_drill_dag()
reconciliation = reconciliation_dag(sorted(folder.name for folder in (settings.load().sql / "sources").iterdir()))
retention = retention_dag()
table_upkeep = table_upkeep_dag()
backfill = backfill_dag()
backup = backup_dag(settings.load().backup_to)
arrivals = arrivals_dag(settings.load().arrivals)
approve_figures = approve_figures_dag(reporting_pipelines())
investor_report = investor_report_dag()
