"""A server on 127.0.0.1 that speaks OpenAI's protocol, counts with the real vocabulary and fails on demand.

    with ModelServer(limit=2000) as server:
        server.url                                   # OPENAI_BASE_URL
        server.fault = Fault("status", 429, times=2) # the next two requests
        server.requests[-1].tokens                   # what the last prompt really cost

or `python -m tests.openai_server --port 8001 [--limit TOKENS] [--log FILE]`. It answers as the demo model.
"""

from tests.openai_server.counting import count_prompt
from tests.openai_server.faults import Fault, Kind
from tests.openai_server.server import ModelServer, Received

__all__ = ["Fault", "Kind", "ModelServer", "Received", "count_prompt"]
