"""A title for a new thread, from the summary model: `Titling`.

Asked once the first answer is stored, by nobody's waiting; what a person gives meanwhile stays.
"""

import logging
import re
from collections import OrderedDict

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from graph.asking import ask
from graph.bookmark import Bookmark
from graph.errors import LongthreadError
from graph.model import Models
from graph.settings import Settings
from graph.threads import Threads
from graph.titles import TITLE, shorten

log = logging.getLogger("longthread")

WORDS = 8
"""Words of a title at most."""

PART = 2_000
"""Characters of the question, and of the answer, that the model is shown."""

TOKENS = 256
"""Of the model's reply: few are needed, but some models think first."""

SEEN = 10_000
"""Threads remembered as looked at: later turns of theirs ask the database nothing."""

INSTRUCTIONS = (
    f"Write a title for the conversation below: at most {WORDS} words, in the language of the conversation. "
    "Reply with the title alone: no quotation marks, no full stop, no formatting."
)


class Titling:
    """Gives threads their titles."""

    def __init__(self, threads: Threads, models: Models, settings: Settings) -> None:
        self._threads, self._models, self._settings = threads, models, settings
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def after(self, place: Bookmark) -> None:
        """Title the thread, if its first answer was just stored; what fails is a line in the log."""
        if self._models.demo or not self._settings.titles or place.key in self._seen:
            return
        try:
            await self._title(place.at(None))
        except LongthreadError as e:
            log.warning("could not title a thread: %s", e)

    async def _title(self, place: Bookmark) -> None:
        thread = await self._threads.get(place)
        if thread.messages < 2:
            return
        self._seen[place.key] = None
        if len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        said = [entry.message for entry in (await self._threads.transcript(place, limit=4)).entries]
        question = next((str(m.text) for m in said if isinstance(m, HumanMessage)), "")
        answer = next((str(m.text) for m in said if isinstance(m, AIMessage)), "")
        stopgap = shorten(question, TITLE)
        if thread.messages > 3 or not answer or thread.title != stopgap:
            return
        written = await ask(
            self._models,
            self._models.summary,
            [
                SystemMessage(INSTRUCTIONS, additional_kwargs={"longthread": {"task": "title"}}),
                HumanMessage(f"User: {question[:PART]}\n\nAssistant: {answer[:PART]}"),
            ],
            timeout=self._settings.model_timeout,
            retries=0,
            max_tokens=TOKENS,
        )
        if title := cleaned(str(written.text)):
            await self._threads.entitle(place, title, instead_of=stopgap)


def cleaned(written: str) -> str:
    """The title in what a model wrote, or nothing. Pure."""
    lines = [line for line in (line.strip() for line in written.splitlines()) if line]
    title = re.sub(r"^#*\s*((title|titel)\s*:)?\s*", "", lines[-1] if lines else "", flags=re.IGNORECASE)
    title = re.sub(r"[*_`]{1,3}", "", title).strip(" \"'“”„«»‘’.。")
    return shorten(" ".join(title.split()[:WORDS]), TITLE)
