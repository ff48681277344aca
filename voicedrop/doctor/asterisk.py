"""Asterisk itself: does it answer, does it let us in, is it new enough, does it run what we need."""

from __future__ import annotations

INCLUDE = "voicedrop asterisk-config /etc/asterisk/voicedrop -c {file}"
