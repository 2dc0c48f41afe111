"""TPC-DS: profit of a shop's lines as somebody else has written it down, at whatever scale."""
