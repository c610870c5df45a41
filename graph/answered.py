"""An answer given again, as the stream in which its turn would have come: `parts`. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import BaseMessage

NODE = "answer"


def parts(
    answer: Sequence[BaseMessage], values: Mapping[str, Any], default: Any, options: Mapping[str, Any]
) -> Iterator[Any]:
    """What LangGraph would yield for these `options`: the words, the node's update, the state after it.

    `default` is the graph's own stream mode.
    """
    asked: Any = options.get("stream_mode") or default
    many = isinstance(asked, list)
    modes = set(cast("Sequence[str]", asked)) if many else {str(asked)}
    outputs: Any = options.get("output_keys")
    for mode, payload in _payloads(answer, _chosen(values, outputs)):
        if mode not in modes:
            continue
        if options.get("version") == "v2":
            part: Any = {"type": mode, "ns": (), "data": payload}
            yield part | {"interrupts": ()} if mode == "values" else part
            continue
        before = [*([()] if options.get("subgraphs") else []), *([mode] if many else [])]
        yield (*before, payload) if before else payload


def _payloads(answer: Sequence[BaseMessage], values: Any) -> Iterator[tuple[str, Any]]:
    for message in answer:
        yield "messages", (message, {"langgraph_node": NODE})
    yield "updates", {NODE: {"messages": list(answer)}}
    yield "values", values


def _chosen(values: Mapping[str, Any], outputs: Any) -> Any:
    """The state, or what of it the caller asked for."""
    if outputs is None:
        return dict(values)
    if isinstance(outputs, str):
        return values.get(outputs)
    return {key: values[key] for key in cast("Sequence[str]", outputs) if key in values}
