"""The lab: two real Asterisk servers on loopback, a zoo of subscribers, an agent's telephone, a judge.

It needs a checkout of the project, because it is made from `docker/` and `asterisk-config/`.
"""
