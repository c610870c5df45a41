"""What was used, as HTML: a line for one thread, totals, the biggest threads, the database. Pure."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from graph.usage import Big, Used
from graph.vitals import SLOW, State
from ui.words import Words

FULL = 0.8
"""Share of the connections from which they are few."""


def money(amount: float, currency: str, words: Words) -> str:
    """ "0.11 €"; amounts below a hundredth keep two figures that say something."""
    places = 2 if amount >= 0.01 or not amount else 4
    text = f"{amount:,.{places}f}"
    whole, _, rest = text.partition(".")
    return f"{whole.replace(',', words('number.group'))}{words('usage.point')}{rest} {currency}"


def size(amount: int, words: Words) -> str:
    """ "1.2 MB"."""
    value, unit = float(amount), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    text = f"{value:.0f}" if unit == "B" or value >= 100 else f"{value:.1f}"
    return f"{text.replace('.', words('usage.point'))} {unit}"


def line(used: Used, currency: str, words: Words) -> str:
    """What one thread used, in a line."""
    if not used.turns and not used.tokens:
        return ""
    parts = [words("usage.turns", count=used.turns), _tokens(used, words)]
    parts += _priced(used, currency, words)
    return f'<p class="spent">{escape(" · ".join(parts))}</p>'


def counting(done: int, of: int, words: Words) -> str:
    """That threads are being counted."""
    return f'<p class="counting" role="status">{escape(words("usage.counting", done=done, of=of))}</p>'


def totals(used: Used, currency: str, words: Words, period: str = "") -> str:
    """The figures of a period on top, or what to do where there are none."""
    if not used.turns and not used.tokens:
        begin = f'<a href="./">{escape(words("usage.begin"))}</a>'
        return f'<p class="none">{escape(words("usage.none"))} {begin}</p>'
    figures = [
        (words("usage.turns_name"), words.number(used.turns)),
        (words("usage.sent_name"), words.number(used.sent)),
        (words("usage.said_name"), words.number(used.said)),
        (words("usage.bytes_name"), size(used.bytes, words)),
    ]
    if used.money is not None:
        figures.insert(3, (words("usage.money_name"), money(used.money, currency, words)))
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in figures)
    notes = [period] if period else []
    notes += [words("usage.guessed", share=round(100 * used.share) or 1)] if used.guessed else []
    notes += [words("usage.unpriced", count=used.unpriced)] if used.unpriced else []
    return f"<dl>{cells}</dl>" + "".join(f'<p class="note">{escape(note)}</p>' for note in notes)


def biggest(threads: Sequence[Big], currency: str, words: Words) -> str:
    """The threads as a table, each a link to itself."""
    if not threads:
        return ""
    priced = any(big.used.money is not None for big in threads)
    names = ["thread", "turns_name", "tokens_name", *(["money_name"] if priced else []), "bytes_name"]
    head = "".join(f'<th scope="col">{escape(words(f"usage.{name}"))}</th>' for name in names)
    rows = "".join(_row(big, priced, currency, words) for big in threads)
    return (
        f'<h2>{escape(words("usage.biggest"))}</h2><div class="wide" tabindex="0" role="region" '
        f'aria-label="{escape(words("usage.biggest"))}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(big: Big, priced: bool, currency: str, words: Words) -> str:
    title = escape(big.title or words("threads.untitled"))
    used = big.used
    about = words("usage.about") if used.guessed else ""
    cells = [words.number(used.turns), about + words.number(used.tokens)]
    cells += [money(used.money or 0, currency, words)] if priced else []
    cells.append(size(used.bytes, words))
    link = f'<a href="./?thread={quote(big.thread_id, safe="")}">{title}</a>'
    return f'<tr><th scope="row">{link}</th>' + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>"


def database(state: State, words: Words) -> str:
    """How the database is, each thing with a word for good or bad."""
    busy = [table for table in state.tables if not table.well]
    stored = sum(table.bytes + table.indexes for table in state.tables)
    things = [
        ("size", words("usage.size_of", all=size(state.bytes, words), ours=size(stored, words)), True),
        (
            "connections",
            words("usage.of", some=state.connections, all=state.allowed),
            state.connections < FULL * state.allowed,
        ),
        ("pool", words("usage.of", some=state.pool_used, all=state.pool_size), not state.pool_waiting),
        ("oldest", words("usage.seconds", count=round(state.oldest)), state.oldest < SLOW),
        ("held", words.number(state.held), True),
        ("waiting", words.number(state.waiting), not state.waiting),
        ("dead", ", ".join(table.name for table in busy) or words("usage.few"), not busy),
    ]
    rows = "".join(
        f'<li class="{"good" if well else "bad"}"><span>{escape(words(f"usage.db_{name}"))}</span>'
        f"<b>{escape(value)}</b><i>{escape(words('usage.good' if well else 'usage.bad'))}</i></li>"
        for name, value, well in things
    )
    return f"<h2>{escape(words('usage.database'))}</h2><ul>{rows}</ul>"


def _tokens(used: Used, words: Words) -> str:
    about = words("usage.about") if used.guessed else ""
    return words("usage.tokens", sent=about + words.number(used.sent), said=about + words.number(used.said))


def _priced(used: Used, currency: str, words: Words) -> list[str]:
    if used.money is None:
        return []
    about = words("usage.about") if used.guessed else ""
    parts = [about + money(used.money, currency, words)]
    return [*parts, words("usage.unpriced", count=used.unpriced)] if used.unpriced else parts
