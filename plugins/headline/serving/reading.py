"""How metrics are read, by pages, the API and reports alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from headline.errors import BadRequest
from headline.intervals import Interval
from headline.ledger import IssuedFigures, Ledger
from headline.serving.issued import issued_series, with_issued
from headline.serving.published import published_series
from headline.serving.series import Series
from headline.specs.metrics import Metric
from headline.warehouse import Warehouse, open_warehouse

How = Literal["published", "first", "recent", "as_of"]


def read_series(
    metrics: Iterable[Metric],
    days: Sequence[Interval],
    *,
    by: str = "",
    how: How = "published",
    moment: datetime | None = None,
    marked: bool = False,
    ledger: Ledger | None = None,
    warehouse: Warehouse | None = None,
) -> list[Series]:
    """A series for each metric, or for each segment of it `by` a column: its periods that meet any of these days.

    `how`: `published` reads the warehouse as it is now; of metrics that are issued, `first` reads each figure as first reported,
    `recent` as issued last, and `as_of` as it stood at a moment. `marked`: what was issued of each period is told with it, so
    that restatements show. Whether somebody may read a metric the caller decides, who records the reading too (ledger.Reads).

    Raises BadRequest for a column that is no segment, a way of reading that a metric does not have, or too many values; Transient
    where ledger or warehouse are out of reach.
    """
    asked = list(metrics)
    for metric in asked:
        if by and by not in metric.segments:
            known = ", ".join(metric.segments) or "none"
            raise BadRequest(f"{metric.name} has no segments by {by}; its segments: {known}")
    ledger = ledger or Ledger()
    figures = IssuedFigures(ledger.conn_id)
    if how == "published":
        found = published_series(asked, days, by, ledger, warehouse or open_warehouse())
    else:
        found = [series for metric in asked for series in issued_series(metric, days, by, how, moment, figures)]
    return with_issued(found, figures) if marked else found
