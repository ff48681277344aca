"""The AGI door: where a dialplan asks before it sends a callee into the drop."""
