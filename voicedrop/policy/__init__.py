"""May this number be left this message now? Pure: no socket, no clock, no randomness.

`gate.judge` answers; `suppression` knows who is never called; `settings.Rules` is what the operator decided.
"""
