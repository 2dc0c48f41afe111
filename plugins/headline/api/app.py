"""The data API: an app of its own below /headline/api/v1, documented for who has logged in."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from headline.api import features, figures, freshness, incidents, metrics, tables
from headline.api.gate import caller
from headline.api.problems import HANDLERS
from headline.pages.headers import HEADERS
from headline.pages.ledger import ReadsTheLedger

# Its documentation is an endpoint of ours: FastAPI's would be open to anybody.
app = FastAPI(
    title="Headline",
    version="1",
    description="Metrics, tables, features, issued figures, incidents, freshness. Tokens are those of Airflow: POST /auth/token.",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=[Depends(caller)],
    exception_handlers=HANDLERS,
)
for part in (features, figures, freshness, incidents, metrics, tables):
    app.include_router(part.router)
app.add_middleware(ReadsTheLedger)


@app.get("/openapi.json", include_in_schema=False)
def documentation(request: Request) -> JSONResponse:
    """What there is to ask, as OpenAPI 3.1."""
    told: dict[str, Any] = app.openapi() | {"servers": [{"url": request.scope.get("root_path", "") or "/"}]}
    return JSONResponse(told, headers=HEADERS)
