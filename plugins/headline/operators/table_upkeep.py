"""Upkeep of tables under Airflow: an engine that leaves small files and files of deletes with each publication merges them."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.sdk import BaseOperator


class TableUpkeepOperator(BaseOperator):
    """Merges the small files of published tables and forgets snapshots that nobody reads any more; nothing to do on DuckDB."""

    template_fields = ("kept_up",)
    template_fields_renderers: ClassVar = {"kept_up": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#e4dcf4"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kept_up: list[str] = []

    def execute(self, context: Any) -> None:  # noqa: ARG002 (Airflow's signature)
        from airflow.sdk.exceptions import AirflowSkipException

        from headline.warehouse import open_warehouse

        self.kept_up = open_warehouse().keep_up()
        if not self.kept_up:
            raise AirflowSkipException("this engine keeps its tables up by itself")

    def on_kill(self) -> None:
        """An engine elsewhere would go on for nobody."""
        from headline.warehouse import cancel_statements

        cancel_statements()
