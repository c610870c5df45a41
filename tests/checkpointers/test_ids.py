"""Ids of messages made short: each comes back, and no two become one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.checkpointers.ids import short, whole
from graph.errors import ForgedRow

UUIDS = st.uuids().map(str) | st.uuids().map("lc_run--{}".format)
WORDS = st.text(max_size=50)
SIGNS = st.tuples(st.sampled_from([":", ";", "=", "lc_run--", "run-"]), WORDS | UUIDS).map("".join)
NEARLY = st.uuids().map(lambda uuid: str(uuid).upper()) | st.uuids().map(lambda uuid: uuid.hex)
IDS = UUIDS | WORDS | SIGNS | NEARLY


@given(IDS)
def test_an_id_comes_back(id: str) -> None:
    """Whoever made it."""
    assert whole(short(id)) == id


@given(st.uuids(), st.sampled_from(["", "lc_run--"]))
def test_a_uuid_takes_23_characters(uuid: UUID, words: str) -> None:
    """Instead of 36, or of 44."""
    assert len(short(f"{words}{uuid}")) == 23


@pytest.mark.parametrize("stored", [":", ":AAAA", ";" + 24 * "A", ":" + 20 * "A" + "~~", ":" + 20 * "é"])
def test_a_forged_id_is_told(stored: str) -> None:
    """By name."""
    with pytest.raises(ForgedRow):
        whole(stored)
