"""The error tree. The docstring of an error without arguments of its own is its message.

VoicedropError
├── ConfigError          the settings cannot be used; lists every fault at once
├── MessageError         a message file cannot be played
│   ├── UploadError      an uploaded file cannot become a message; its code says which rule
│   └── StorageError     the message folder cannot be written or read
├── SoundError           a sound file cannot be listened to
├── AriError             Asterisk's REST interface said no, or did not answer
│   ├── AriUnreachable   no answer within the deadline, or no connection
│   ├── AriRefused       the login is wrong
│   ├── Gone             404: the object is no longer there
│   └── NotInStasis      409 or 412 or 422: the channel is not in a state for this
├── TapError             the live audio of a leg cannot be had
├── AgiError             what came to the AGI door is no AGI, or ended
├── JournalError         the journal cannot be written or read
├── StoreError           the database refused something
│   └── StoreUnreachable no database, or it went away
├── WebhookRefused       a webhook's URL may not be sent to
└── LabError             the lab cannot do what was asked
"""

from __future__ import annotations


class VoicedropError(Exception):
    """Something went wrong in voicedrop."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "")


class ConfigError(VoicedropError):
    """The configuration cannot be used."""


class MessageError(VoicedropError):
    """A message cannot be played."""


class UploadError(MessageError):
    """An uploaded file cannot become a message."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        """A short slug for programs: ``not-audio``, ``pause`` … (docs/messages.md lists them)."""

    def __reduce__(self) -> tuple[type[UploadError], tuple[str, str]]:
        return type(self), (self.code, str(self))  # so that it comes back from a worker process


class StorageError(MessageError):
    """The message folder cannot be written or read."""


class SoundError(VoicedropError):
    """A sound file cannot be listened to."""


class AriError(VoicedropError):
    """Asterisk's REST interface refused a request."""

    def __init__(self, message: str = "", *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class AriUnreachable(AriError):
    """Asterisk does not answer."""


class AriRefused(AriError):
    """Asterisk refused the login."""


class Gone(AriError):
    """The object is no longer there."""


class NotInStasis(AriError):
    """The channel is not in a state in which this can be done."""


class TapError(VoicedropError):
    """The live audio of a leg cannot be had."""


class AgiError(VoicedropError):
    """An AGI connection did not go as it should."""


class JournalError(VoicedropError):
    """The journal cannot be written or read."""


class StoreError(VoicedropError):
    """The database refused something."""


class StoreUnreachable(StoreError):
    """The database does not answer."""


class WebhookRefused(VoicedropError):
    """A webhook's URL may not be sent to."""


class LabError(VoicedropError):
    """The lab cannot do what was asked."""
