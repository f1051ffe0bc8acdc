"""MkDocs hooks: what the documentation site shows beside ``docs/``, and links that lead out of ``docs/``.

The guides of the projects, the changelog and others lie where a reader of the repository looks for them; the site shows the
same files under addresses of its own. A link to a file that the site has not (a module, say) becomes its plain text.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import notebooks  # noqa: E402, beside this file; MkDocs loads hooks by their path

_TOLD = ROOT / "build/solutions"  # solutions with what they printed and drew: scripts/tell_solution.py

# file of the repository → page of the site
_PAGES = {
    "projects/README.md": "course/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "CHANGELOG.md": "changelog.md",
    **{
        path.relative_to(ROOT).as_posix(): f"course/{path.parent.name}.md"
        for path in sorted(ROOT.glob("projects/*/guide.md"))
    },
}
_SOLUTIONS = {
    f"projects/{path.parent.name}/solution.py": f"course/{path.parent.name}_solution.md"
    for path in sorted(ROOT.glob("projects/*/solution.py"))
}
_RAN = (
    "This is `solution.ipynb` as it ran when this site was built: its words, its code, and below each cell what that printed "
    "and drew. Where the data was a synthetic sample, the page says so, and its numbers say nothing about the world.\n"
)
_UNTOLD = "This is `solution.ipynb`, its words and its code. `make docs` runs it and shows what it prints and draws.\n"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CELL = re.compile(r"(^```python\n.*?^```$)", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"(?:^    .*\n(?:[ ]*\n)*)+", re.MULTILINE)
_FENCE = re.compile(r"^(?P<fence> *```\w+) +(?P<words>.*)$", re.MULTILINE)
_LINK = re.compile(r"(?<!\!)\[(?P<text>[^\]]*)\]\((?P<target>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie elsewhere, and the list of decisions."""
    for source, page in _PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for source, page in _SOLUTIONS.items():
        told = _TOLD / Path(page).name
        if told.exists():
            text = tidy(told.read_text(encoding="utf-8"))
        else:
            text = titled(solution((ROOT / source).read_text("utf-8")), _UNTOLD)
        files.append(File.generated(config, page, content=text))
    for picture in sorted(_TOLD.glob("*/*.png")):
        shown = f"course/{picture.relative_to(_TOLD).as_posix()}"
        files.append(File.generated(config, shown, abs_src_path=str(picture)))
    for picture in sorted(ROOT.glob("projects/*/*.jpg")):  # of the guides
        files.append(File.generated(config, f"course/{picture.name}", abs_src_path=str(picture)))
    files.append(File.generated(config, "design/index.md", content=decisions()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:  # noqa: ARG001
    """Lead each relative link to the page that shows the file."""
    source = next(
        (s for s, p in {**_PAGES, **_SOLUTIONS}.items() if p == page.file.src_uri), f"docs/{page.file.src_uri}"
    )
    return fenced(relinked(markdown, source, page.file.src_uri))


def fenced(markdown: str) -> str:
    """Blocks of code as MkDocs knows them: words for the tests go, a file's name stands above.

    A fence with words that it does not know is no block to it, and what stands within becomes part of the page.
    """

    def fence(match: re.Match[str]) -> str:
        name = re.search(r"\bfile=(\S+)", match["words"])
        return match["fence"] + (f' title="{name[1]}"' if name else "")

    return _FENCE.sub(fence, markdown)


def relinked(markdown: str, source: str, page: str) -> str:
    """``markdown`` of the repository's file ``source`` as ``page`` of the site shows it."""

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match["target"]))
        shown = _PAGES.get(target) or _SOLUTIONS.get(target)
        if shown is None and target.startswith("docs/"):
            shown = target.removeprefix("docs/")
        if shown is not None:
            there = posixpath.relpath(shown, posixpath.dirname(page) or ".")
            return f"[{match['text']}]({there}{match['anchor'] or ''})"
        return match["text"] if (ROOT / target).exists() else match[0]

    return _LINK.sub(link, markdown)


def decisions() -> str:
    """The page that lists ``docs/design``: each with its question."""
    text = "# Decisions\n\nWhat was asked, what was chosen, why, and at which price.\n\n"
    for path in sorted((ROOT / "docs/design").glob("[0-9]*.md")):
        lines = path.read_text(encoding="utf-8").splitlines()
        title = lines[0].removeprefix("# ").strip()
        text += f"- [{title}]({path.name})\n"
    return text


def tidy(told: str) -> str:
    """What nbconvert wrote: outputs as blocks of their own, tables in the site's style, named pictures, a word on what is shown."""
    told = _COLOUR.sub("", told)
    # Outside of code cells, lines that are indented are what a cell printed; nbconvert parts what came in pieces.
    parts = _CELL.split(told)
    told = "".join(part if part.startswith("```") else _PRINTED.sub(_printed, part) for part in parts)
    told = re.sub(r"<style scoped>.*?</style>\n", "", told, flags=re.DOTALL)
    told = told.replace('<table border="1" class="dataframe">', "<table>").replace("![png](", "![What the cell drew](")
    return titled(told, _RAN)


def _printed(match: re.Match[str]) -> str:
    lines = (line.removeprefix("    ").rstrip() for line in match[0].splitlines())
    text = re.sub(r"\n{3,}", "\n", "\n".join(lines)).strip("\n")
    return f"``` {{ .text .printed }}\n{text}\n```\n\n" if text.strip() else "\n"


def titled(markdown: str, note: str) -> str:
    """The page with a title that tells it from the guide's, and ``note`` below that."""
    title, _, rest = markdown.partition("\n")
    return f"{title}: the solution, told\n\n{note}\n{rest}"


def solution(program: str) -> str:
    """A solution (py:percent) as a page: its words as text, its cells as code."""
    shown = (cell.text if cell.markdown else f"```python\n{cell.text}\n```" for cell in notebooks.cells(program))
    return "\n\n".join(shown) + "\n"
