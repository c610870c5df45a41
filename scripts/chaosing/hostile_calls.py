"""Any call of the graph, with anything: `call` gives what of it can be compared."""

from typing import Any

from graph import Bookmark, OpenGraph
from graph.bookmark import configurable


async def call(graph: OpenGraph, entry: str, values: Any, config: Any) -> dict[str, Any]:
    """What a call came to; raises what a caller would see."""
    match entry:
        case "ainvoke":
            return _messages((await graph.ainvoke(values, config) or {}).get("messages"))
        case "astream":
            parts = [part async for part in graph.astream(values, config, stream_mode="values")]
            return _messages(parts[-1].get("messages") if parts else None)
        case "aget_state":
            return _messages((await graph.aget_state(config)).values.get("messages"))
        case "aget_state_history":
            return {"moments": len([moment async for moment in graph.aget_state_history(config)])}
        case "aupdate_state":
            await graph.aupdate_state(config, values, as_node="answer")
        case "start":
            turn = await graph.turns.start(Bookmark.of({"configurable": configurable(config)}), values)
            await turn.wait()
        case _:
            raise AssertionError(entry)
    return {}


def _messages(found: Any) -> dict[str, Any]:
    return {"messages": [[m.type, m.id, m.text] for m in found or ()]}
