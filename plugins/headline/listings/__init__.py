"""What commands list of the ledger and the warehouse: read on this machine, or asked of the server, which reads the same."""
