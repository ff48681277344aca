"""Runs the machines: one task a call, a supervisor, recovery at start."""
