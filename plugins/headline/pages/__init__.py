"""Pages that a task's buttons lead to."""

from headline.pages.app import app

__all__ = ["app"]
