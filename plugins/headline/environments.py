"""What an environment refuses: nothing of production is removed by mistake, and a sandbox has no Airflow and no sources."""

from __future__ import annotations

from typing import Annotated

import typer

from headline import settings
from headline.errors import BadRequest

MeantOption = Annotated[bool, typer.Option("--in-production", help="Do it although HEADLINE_ENVIRONMENT is prod.")]


def refuse_in_production(command: str, *, is_meant: bool | None = False) -> None:
    """Raise BadRequest where this is production, unless whoever asks has said that they mean it; None: it cannot be meant."""
    known = settings.load()
    if known.environment == "prod" and not is_meant:
        way = "" if is_meant is None else f" Who means it says so: headline {command} --in-production"
        raise BadRequest(f"headline {command} is refused: {known.home} is production (HEADLINE_ENVIRONMENT=prod).{way}")


def refuse_in_sandbox(command: str) -> None:
    """Raise BadRequest where this is a developer's sandbox."""
    if settings.load().environment == settings.SANDBOX:
        raise BadRequest(
            f"headline {command} is refused: a sandbox (HEADLINE_ENVIRONMENT=dev) has neither Airflow nor sources. "
            "headline dev run <pipeline> computes in it; an installation of your own is one without HEADLINE_ENVIRONMENT"
        )
