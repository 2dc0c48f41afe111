"""Tests here share a small company."""

from tests.unit.company import catalog

__all__ = ["catalog"]
