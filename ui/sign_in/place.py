"""Where the users file is: `users_file`."""

from pathlib import Path

from graph import Settings
from graph.checkpointers.embedded import default_data


def users_file(settings: Settings) -> Path:
    """As set, or in the data folder."""
    return settings.users_file or (settings.data or default_data()) / "users.json"
