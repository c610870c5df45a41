"""Every relative link, anchor and image of the docs leads somewhere; one that does not is printed."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINKS = (
    re.compile(r"\]\(\s*<?([^)\s>]+)"),  # [text](target) and ![alt](target "title")
    re.compile(r"^\[[^\]]+\]:\s*(\S+)", re.MULTILINE),  # [name]: target
    re.compile(r"(?:src|href)=\"([^\"]+)\""),
)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def anchors(text: str) -> set[str]:
    """The fragments that a page's headings and ids answer to, spelled as GitHub spells them."""
    found = set(re.findall(r"(?:id|name)=\"([^\"]+)\"", text))
    seen: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        times = seen.get(slug, 0)
        seen[slug] = times + 1
        found.add(f"{slug}-{times}" if times else slug)
    return found


def dead(page: Path) -> list[str]:
    """The links of `page` that lead nowhere in this checkout."""
    found: list[str] = []
    text = CODE.sub("", FENCE.sub("", page.read_text()))
    for link in (str(match[1]) for pattern in LINKS for match in pattern.finditer(text)):
        path, _, fragment = link.partition("#")
        if ELSEWHERE.match(link):
            continue
        target = (page.parent / unquote(path)).resolve() if path else page
        known = target.exists() and target.is_relative_to(ROOT)
        if not known or (fragment and target.suffix == ".md" and fragment not in anchors(target.read_text())):
            found.append(link)
    return found


def main() -> int:
    """Print each dead link with its page; 1 if there is any."""
    hidden = {".git", ".venv", ".tools", "node_modules"}
    pages = [p for p in ROOT.rglob("*.md") if not hidden & set(p.relative_to(ROOT).parts)]
    lines = [f"{page.relative_to(ROOT)}: dead link: {link}" for page in sorted(pages) for link in dead(page)]
    print(*lines, sep="\n", end="\n" if lines else "")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
