"""What the command line offers about alerts; imported when it is called, so that the other commands stay quick."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from headline.show import show


def drill() -> None:
    """Send whoever is on call a synthetic alert over every channel, and show which channels delivered it."""
    from headline.paging.drill import drill

    # Outside of its own processes Airflow reads connections from its database only for who says that he serves.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
    show(["channel", "outcome"], list(drill(datetime.now(UTC)).items()))


COMMANDS = (drill,)
