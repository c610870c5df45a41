"""What the bytes of a row are squeezed with is part of their format."""

import hashlib
import zlib

import pytest

from graph.checkpointers.packing import DICTIONARY, pack, squeeze, unsqueeze
from graph.errors import ForgedRow


def test_the_words_known_beforehand_stay_as_they_are() -> None:
    """Rows that were written with them can be read with no others; more may come before them."""
    assert hashlib.sha256(DICTIONARY[-1443:]).hexdigest().startswith("161ae4e5f38417927f63")


def test_rows_of_before_there_were_more_words_are_read() -> None:
    """Those were squeezed with the last of the words."""
    value = {"messages": ["m", [0, 7]], "branch:to:answer": "x" * 90}
    press = zlib.compressobj(1, zlib.DEFLATED, -11, 2, zlib.Z_DEFAULT_STRATEGY, DICTIONARY[-572:])
    assert unsqueeze(press.compress(pack(value)) + press.flush()) == value
    with pytest.raises(ForgedRow):
        unsqueeze(squeeze(value)[:-4] + b"\xff\xff\xff\xff")
