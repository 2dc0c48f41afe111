"""Retention under Airflow: what nobody needs any more is removed, and what was removed is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from airflow.sdk import BaseOperator


class RetentionOperator(BaseOperator):
    """Removes what is older than its setting says; the log and the ledger say what it was."""

    template_fields = ("removed",)
    template_fields_renderers: ClassVar = {"removed": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#e4dcf4"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.removed: list[str] = []

    def execute(self, context: Any) -> None:
        from airflow.configuration import conf

        from headline import specs
        from headline.ledger import Ledger
        from headline.maintenance.retention import retain
        from headline.warehouse import open_warehouse

        logs = Path(conf.get("logging", "base_log_folder"))
        found = retain(specs.load_sound(), Ledger(), open_warehouse(), logs, context["dag_run"].run_id)
        self.removed = [f"{one.kind}: {one.count:,}, {one.byte_count:,} bytes" for one in found]
