"""Everything that is compared, in the order of the tables: `VARIANTS`."""

from functools import partial
from importlib.util import find_spec

from scripts.benchmark import floor, ours, rivals
from scripts.benchmark.chat import Variant

FLOOR = {True: "floor-sync", False: "floor-async"}
"""What a sync variant is divided by, and an async one."""

VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("floor-sync", "hand-written psycopg", True, floor.floor),
        Variant("floor-async", "hand-written psycopg, async", False, floor.async_floor),
        Variant(
            "durable-sync", "hand-written, question stored first", True, partial(floor.floor, durable=True)
        ),
        Variant(
            "durable-async",
            "hand-written, question stored first, async",
            False,
            partial(floor.async_floor, durable=True),
        ),
        Variant("null-sync", "Longthread's graph, no saver", True, ours.null_product),
        Variant("null-async", "Longthread's graph, no saver, async", False, ours.async_null_product),
        Variant("null-state-sync", "MessagesState, no saver", True, ours.null_saver),
        Variant("null-state-async", "MessagesState, no saver, async", False, ours.async_null_saver),
        Variant("null-agent", "create_agent, no saver", True, rivals.null_agent, needs=("langchain",)),
        Variant("ours-sync", "Longthread", True, ours.product, "null-sync"),
        Variant("ours-async", "Longthread, async", False, ours.async_product, "null-async"),
        Variant("saver-sync", "MessagesState + our saver", True, ours.saver, "null-state-sync"),
        Variant(
            "saver-async", "MessagesState + our saver, async", False, ours.async_saver, "null-state-async"
        ),
        Variant("stock-sync", "MessagesState + PostgresSaver", True, rivals.stock, "null-state-sync"),
        Variant(
            "stock-async", "MessagesState + AsyncPostgresSaver", False, rivals.async_stock, "null-state-async"
        ),
        Variant(
            "agent",
            "create_agent + SummarizationMiddleware + PostgresSaver",
            True,
            rivals.agent,
            "null-agent",
            ("langchain",),
        ),
        Variant(
            "session",
            "OpenAI Agents SDK SQLAlchemySession",
            False,
            rivals.session,
            needs=("agents", "sqlalchemy"),
        ),
    )
}


def missing(names: list[str]) -> set[str]:
    """Modules that these variants need and that are not installed."""
    return {module for name in names for module in VARIANTS[name].needs if find_spec(module) is None}
