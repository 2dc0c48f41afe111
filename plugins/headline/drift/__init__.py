"""Schema drift of sources: what was agreed, what arrived, and the edit of the contract that would agree to it."""
