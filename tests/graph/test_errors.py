"""Every way this house says no: how many there are, and that no driver's error gets past them."""

import inspect
import pickle
from collections.abc import Iterator

import httpx
import openai
import psycopg
import psycopg.errors
import psycopg_pool
import pytest
from langchain_core.messages import HumanMessage

from graph import Bookmark, Settings, errors, open_graph
from graph.checkpointers.pool import Loan, open_pool
from graph.errors import LongthreadError, ModelError, StoreUnavailable
from graph.refusals import translate

pytestmark = pytest.mark.anyio
SECRET = "the-words-of-a-person"


def below(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    """A class and all that come from it."""
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


def test_the_tree_is_in_the_docstring_and_small() -> None:
    """Fifteen ways at most, beside the one that they all are, each in the picture."""
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, LongthreadError)]
    assert len(classes) - 1 <= 15
    for kind in classes:
        assert kind.__name__ in (errors.__doc__ or "")
        assert kind.__doc__


async def test_no_error_of_the_driver_gets_out(database: str) -> None:
    """Whatever class psycopg or its pool has, by our name and without the driver's words; but for the one
    that tells a number taken, which is the writer's to catch."""
    kinds = set(below(psycopg.Error)) - {psycopg.errors.UniqueViolation}
    assert len(kinds) > 200
    async with open_pool(database) as pool:
        for kind in kinds:
            with pytest.raises(StoreUnavailable) as told:
                async with Loan(pool):
                    raise kind(f"Failing row contains ({SECRET})")
            assert SECRET not in str(told.value)
            assert told.value.__cause__ is None
            assert told.value.__suppress_context__
    for kind in (psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed, psycopg_pool.TooManyRequests):
        assert issubclass(kind, psycopg.OperationalError), "as the loan expects of what a pool raises"


FULL_DISK = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON longthread_message EXECUTE FUNCTION full_disk()
"""


async def test_a_full_disk_is_told_as_one(database: str) -> None:
    """The driver has one class for it and for a connection that was lost; only that is tried again. The
    question waits, and is answered once there is room."""
    place = Bookmark("full")
    async with open_graph(Settings.read(database_url=database)) as graph:
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute(FULL_DISK)
            with pytest.raises(StoreUnavailable, match="DiskFull"):
                await graph.ainvoke({"messages": [HumanMessage("hello", id="q")]}, place.config)
            conn.execute("DROP FUNCTION full_disk CASCADE")
        values = await graph.ainvoke({"messages": [HumanMessage("hello", id="q")]}, place.config)
    assert [message.type for message in values["messages"]] == ["human", "ai"]


def test_no_error_of_the_model_gets_out() -> None:
    """Whatever class OpenAI's library has."""
    request = httpx.Request("POST", "http://127.0.0.1:1/v1")
    for kind in set(below(openai.OpenAIError)):
        error = kind.__new__(kind)
        Exception.__init__(error, f"You said {SECRET}")
        status = getattr(kind, "status_code", 500)
        vars(error).update(request=request, body={"said": SECRET}, code=None, message=SECRET)
        vars(error).update(response=httpx.Response(status, request=request), status_code=status)
        told = translate(error, "http://127.0.0.1:1/v1")
        assert isinstance(told, ModelError)
        assert SECRET not in str(told)


def test_errors_cross_processes() -> None:
    """As they were: a worker's error is told by its parent."""
    for kind in (
        errors.MessageOverBudget(9, 5),
        errors.ThreadNotFound(),
        errors.ThreadDeleted(),
        errors.CheckpointNotFound(),
        errors.ThreadBusy(),
        errors.StaleWriter(),
        errors.IdempotencyConflict(),
        errors.WrongLoop("invoke"),
        errors.ForgedRow("of an unknown type"),
    ):
        again = pickle.loads(pickle.dumps(kind))
        assert (type(again), str(again)) == (type(kind), str(kind))
