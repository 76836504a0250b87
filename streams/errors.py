"""What can go wrong, grouped by what the person at the keyboard does next.

UpwellError
├── SettingsError        a setting is wrong: change it and start again
├── ServerError          Kafka or Redis is missing, unreachable or does not fit: fix the server
└── EngineError          the engine cannot go on: it exits, and a supervisor starts it again
"""


class UpwellError(Exception):
    """One sentence that says what happened, where, and what to do."""


class SettingsError(UpwellError):
    """A setting has a value that cannot work."""


class ServerError(UpwellError):
    """Kafka or Redis is missing, unreachable, or not set up as the engine needs it."""


class EngineError(UpwellError):
    """The engine met something it must not paper over."""
