"""What Soda's own JSON schema says of a contract, without importing Soda, which takes a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def contract_faults(contract: Any) -> Iterator[str]:
    """What Soda's own JSON schema finds wrong with a contract: verifying it, Soda takes a default for a key it does not know."""
    from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

    for error in _contract_schema().iter_errors(contract):
        cause = best_match([error])  # of a check that may be of one of many types: what is wrong with the likeliest
        yield f"{'.'.join(map(str, cause.absolute_path))}: {cause.message[:200]}"


@cache
def _contract_schema() -> Any:
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    def with_attributes(node: Any) -> Any:
        """Soda reads `attributes` of every check; its schema knows them of most."""
        if isinstance(node, dict) and "qualifier" in node.get("properties", {}):
            node["properties"].setdefault("attributes", {"$ref": "#/$defs/attributes"})
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            with_attributes(child)
        return node

    [package] = (found.submodule_search_locations if (found := find_spec("soda_core")) else None) or [""]
    file = Path(package) / "contracts" / "soda_data_contract_json_schema_1_0_0.json"
    return Draft202012Validator(with_attributes(json.loads(file.read_text())))
