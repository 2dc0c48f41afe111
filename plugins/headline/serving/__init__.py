"""Numbers as people and programs read them: metrics by period, as they are published or as they were issued."""

from headline.serving.metrics import find_metric, published_metrics
from headline.serving.reading import How, read_series
from headline.serving.series import Point, Series, Status

__all__ = ["How", "Point", "Series", "Status", "find_metric", "published_metrics", "read_series"]
