"""Lineage out: what OpenLineage asks of an operator; nothing of it is imported before somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage


class TellsLineage:
    """An operator whose module of events says what its task reads, writes and has found."""

    def get_openlineage_facets_on_start(self) -> OperatorLineage:
        from headline.operators.lineage_events import begun

        return begun(self)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage:  # noqa: ARG002 (the provider's signature)
        from headline.operators.lineage_events import ended

        return ended(self)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage:  # noqa: ARG002 (the provider's signature)
        from headline.operators.lineage_events import ended

        return ended(self, is_failure=True)


def is_on() -> bool:
    """Whether this installation sends events: a transport is configured."""
    try:
        from airflow.providers.openlineage import conf
    except ImportError:
        return False
    return not conf.is_disabled()
