"""A run that dies as soon as one of its tables is replaced: `python -m tests.engines.spark.killed <pipeline> <first> <last>`."""

import os
import sys
from datetime import date

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.pipeline import PipelineRun, write_audit_publish
from headline.warehouse import Output, open_warehouse
from headline.warehouse.iceberg.staging import IcebergStaging

_replace = IcebergStaging._replace


def dying(self: IcebergStaging, output: Output, intervals: list[Interval] | None) -> None:
    _replace(self, output, intervals)
    os._exit(9)


if __name__ == "__main__":
    IcebergStaging._replace = dying
    name, first, last = sys.argv[1:]
    catalog, days = specs.load(), Interval(date.fromisoformat(first), date.fromisoformat(last) + DAY)
    write_audit_publish(PipelineRun(catalog.pipelines[name], "killed", days, catalog, Ledger(), open_warehouse()))
