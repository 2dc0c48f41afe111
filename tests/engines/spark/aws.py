"""moto's server, as far as an engine on Iceberg asks more of it."""

import sys

from moto.glue.exceptions import GlueClientError
from moto.glue.responses import GlueResponse
from moto.server import main

_create_table = GlueResponse.create_table


def create_table(self: GlueResponse) -> str:
    """AWS makes an Iceberg table by itself where it is asked to; moto fails with 500, and clients try that again and again."""
    if not self.parameters.get("TableInput"):
        raise GlueClientError("ValidationException", "a table is made of a TableInput here")
    return _create_table(self)


GlueResponse.create_table = create_table
main(sys.argv[1:])
