"""What may go wrong with requests to the model server: `Fault`."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "status",  # refuse with `status`
    "garbage",  # 200, and a page of HTML
    "garbage_midway",  # a stream that stops being JSON after `after` words
    "error_midway",  # a stream with an error object in it after `after` words
    "hang",  # not a byte, until the client hangs up
    "hang_midway",  # silence after `after` words
    "drop",  # reset the connection before a byte
    "drop_midway",  # reset the connection after `after` words
    "cut_midway",  # end the stream properly after `after` words, without its last words
    "nul",  # a NUL and a lone surrogate in the answer
    "empty",  # an answer without a word
]


@dataclass
class Fault:
    """What goes wrong with the next `times` requests (None: all), of one kind only if `only` is given."""

    kind: Kind
    status: int = 500
    times: int | None = None
    only: Literal["answers", "summaries", "titles"] | None = None
    after: int = 3
