"""Backups under Airflow."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.sdk import BaseOperator

from headline import settings
from headline.errors import BadRequest


class BackupOperator(BaseOperator):
    """Makes a backup of ledger, warehouse and landed files below the address that HEADLINE_BACKUP_TO names.

    Its Rendered Templates show where it is and how large.
    """

    template_fields = ("made",)
    template_fields_renderers: ClassVar = {"made": "json"}
    overwrite_rtif_after_execution = True
    ui_color = "#e4dcf4"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.made: dict[str, Any] = {}

    def execute(self, context: Any) -> None:  # noqa: ARG002 (Airflow's signature)
        from headline.ledger import Ledger
        from headline.maintenance.backup import back_up
        from headline.warehouse import open_warehouse

        if not (target := settings.load().backup_to):
            raise BadRequest(
                "nobody has said where backups go: set HEADLINE_BACKUP_TO to an address such as s3://bucket/headline"
            )
        backup = back_up(target, Ledger(), open_warehouse())
        self.made = {"address": backup.address, "bytes": backup.size, "new_landed_files": backup.new_files}
        self.log.info("backup %s: %s bytes, %s landed files are new", backup.address, backup.size, backup.new_files)
