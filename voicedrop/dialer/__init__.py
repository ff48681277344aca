"""Unattended drops: the engine calls, hears who answers, leaves the message or hangs up."""
