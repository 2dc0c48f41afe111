"""moto's server, as far as an engine on Iceberg asks more of it."""

import sys

from moto.core.responses import ActionResult
from moto.glue.exceptions import GlueClientError
from moto.glue.responses import GlueResponse
from moto.server import main

_create_table, _update_table = GlueResponse.create_table, GlueResponse.update_table


def create_table(self: GlueResponse) -> str:
    """AWS makes an Iceberg table by itself where it is asked to; moto fails with 500, and clients try that again and again."""
    if not self.parameters.get("TableInput"):
        raise GlueClientError("ValidationException", "a table is made of a TableInput here")
    return _create_table(self)


def update_table(self: GlueResponse) -> ActionResult:
    """AWS refuses a change to another version of the table than the one that is there; moto makes it."""
    database, name = self.parameters["DatabaseName"], self.parameters["TableInput"]["Name"]
    known = self.glue_backend.get_table(database, name).as_dict()["VersionId"]
    if self.parameters.get("VersionId", known) != known:
        raise GlueClientError("ConcurrentModificationException", f"{name} is of version {known}")
    return _update_table(self)


GlueResponse.create_table = create_table
GlueResponse.update_table = update_table
main(sys.argv[1:])
