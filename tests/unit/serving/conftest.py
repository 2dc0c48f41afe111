"""The shop whose figures are issued, as tests/unit/figures has it."""

from tests.unit.figures.conftest import issued, reported

__all__ = ["issued", "reported"]
