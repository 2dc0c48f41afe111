"""What readers are given: metrics by period, as they are published or as they were issued; the catalog and its lineage."""

from headline.serving.metrics import find_metric, published_metrics
from headline.serving.reading import How, read_series
from headline.serving.series import Point, Series, Status

__all__ = ["How", "Point", "Series", "Status", "find_metric", "published_metrics", "read_series"]
