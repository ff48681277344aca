"""Voicemail drop for Asterisk: the agent presses a code, the message lands after the beep."""

__version__ = "0.1.0"
