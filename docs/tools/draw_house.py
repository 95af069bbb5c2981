"""Draw the house from its imports: ``python -m docs.tools.draw_house`` writes ``docs/figures/house.svg``.

Every box is a room: a package of the core, its ground (the small modules that all may import), the command line, and the
pages. Every line is an import of one room by another that no longer way shows already; all run down, for who stands lower
knows nothing of who stands above. Floors are computed, not declared: a room stands one above the highest that it imports.
Nothing but the standard library is needed, and equal imports give an equal file, so a test can tell whether the picture is
that of today's code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from html import escape
from pathlib import Path

__all__ = ["draw", "imports_between_rooms", "storeys"]

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "figures" / "house.svg"
Arrows = dict[str, set[str]]

GROUND, PAGES = "ground", "app.py and pages"
_NOTES = {
    PAGES: "what a person sees: widgets and calls, no maths",
    "pages._ui": "what the pages are made of: a folder for each page, and what all share",
    "__main__": "the command line",
    "commands": "choose, verify",
    "jobs": "queue and worker of background jobs",
    "study": "a dataset, a learner and what was drawn, fitted, picked",
    "validation": "what judges a fit",
    "curation": "lists, ranking, export",
    "datasets": "read, encode, split",
    "learners": "exact engines",
    "sampling": "coalitions, cost",
    "laws": "estimators",
    "values": "beyond one size",
    "figures": "plotly",
    "store": "the cache folder",
}
_WIDTH, _HEIGHT, _GAP, _MARGIN, _BESIDE = 1120, 54, 46, 16, 14
_WIDE, _HALL, _CLOSET = 1088.0, 470.0, 220.0  # a whole floor; a room alone on its floor, and one with a single way down
Box = tuple[float, float, float]  # left, top, width


def room_of(path: Path) -> str:
    """The room that a file belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "dscale_core":
        return parts[1] if len(parts) > 2 or parts[1] == "__main__" else GROUND
    return "pages._ui" if parts[:2] == ("pages", "_ui") else PAGES


def _room_imported(name: str) -> str | None:
    parts = name.split(".")
    if parts[0] == "pages":
        return "pages._ui" if parts[1:2] == ["_ui"] else None
    if parts[0] != "dscale_core" or len(parts) < 2:
        return None
    return parts[1] if (ROOT / "dscale_core" / parts[1]).is_dir() else GROUND


def _files() -> list[Path]:
    """All code but the core's own face, which only hands on."""
    core = [path for path in (ROOT / "dscale_core").rglob("*.py") if path != ROOT / "dscale_core" / "__init__.py"]
    return sorted([*core, *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"])


def imports_between_rooms() -> Arrows:
    """The rooms that each room imports, at the top of a file or within a function; for types alone does not count."""
    rooms = {room_of(path) for path in _files()}
    arrows: Arrows = {room: set() for room in sorted(rooms)}
    for path in _files():
        for name in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            target = _room_imported(name)
            if target in rooms and target != room_of(path):
                arrows[room_of(path)].add(str(target))
    return arrows


def _imported(tree: ast.Module) -> Iterable[str]:
    for node in tree.body:
        yield from _imported_by(node)


def _imported_by(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        for alias in node.names:
            yield f"{node.module}.{alias.name}"
    for child in ast.iter_child_nodes(node):
        yield from _imported_by(child)


def storeys(arrows: Arrows) -> list[list[str]]:
    """Rooms by floor, the lowest first. Raises ValueError where imports run in a circle."""
    height: dict[str, int] = {}

    def rise(room: str, above: tuple[str, ...]) -> int:
        if room in above:
            raise ValueError(f"imports run in a circle: {' → '.join((*above, room))}")
        if room not in height:
            height[room] = 1 + max((rise(target, (*above, room)) for target in sorted(arrows[room])), default=-1)
        return height[room]

    for room in sorted(arrows):
        rise(room, ())
    return [sorted(room for room in arrows if height[room] == level) for level in range(max(height.values()) + 1)]


def _reduced(arrows: Arrows) -> Arrows:
    """Without the lines that a longer way already shows."""

    def reachable(start: str) -> set[str]:
        found: set[str] = set()
        for target in arrows[start]:
            found |= {target} | reachable(target)
        return found

    return {room: {t for t in targets if not any(t in reachable(u) for u in targets)} for room, targets in arrows.items()}


def _arranged(floors: list[list[str]], arrows: Arrows) -> list[list[str]]:
    """Rooms that the next floor imports in the middle, those that only higher floors do at the sides: fewer lines cross."""
    level = {room: number for number, rooms in enumerate(floors) for room in rooms}

    def lowest_importer(room: str) -> int:
        return min((level[other] for other in arrows if room in arrows[other]), default=len(floors))

    arranged = []
    for rooms in floors:
        ordered = sorted(rooms, key=lambda room: (lowest_importer(room), room))
        arranged.append([*ordered[1::2][::-1], *ordered[::2]])
    return arranged


def draw(arrows: Arrows) -> str:
    """The picture as SVG."""
    lines_down = _reduced(arrows)
    floors = _arranged(storeys(arrows), lines_down)
    height = 2 * _MARGIN + len(floors) * (_HEIGHT + _GAP) - _GAP
    box: dict[str, Box] = {}
    for level, rooms in enumerate(floors):
        top = height - _MARGIN - _HEIGHT - level * (_HEIGHT + _GAP)
        across, centre = _WIDE, _WIDTH / 2
        if 1 < level < len(floors) - 2 and len(rooms) <= 2:
            ends = sorted(lines_down[rooms[0]])
            across = 620.0 if len(rooms) == 2 else _CLOSET if len(ends) == 1 else _HALL
            if len(rooms) == 1:  # above what it stands on, so that other lines pass beside it
                centre = sum(box[end][0] + box[end][2] / 2 for end in ends) / len(ends)
        width = (across - _BESIDE * (len(rooms) - 1)) / len(rooms)
        for i, room in enumerate(rooms):
            box[room] = (centre - across / 2 + i * (width + _BESIDE), top, width)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" role="img">',
        "<title>The rooms of dscale and their imports, drawn from the code; every line runs down</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for room, targets in sorted(lines_down.items()):
        drawn += [_line(box[room], box[target]) for target in sorted(targets)]
    drawn += [_room(room, *box[room]) for room in sorted(box)]
    return "\n".join([*drawn, "</svg>", ""])


def _line(start: Box, end: Box) -> str:
    """Over within the gap below the upper room, then straight down beside what stands between."""
    middle, reach = end[0] + end[2] / 2, end[2] / 2 - 12 if end[2] > _HALL else 12
    x1 = min(max(start[0] + start[2] / 2, middle - reach), middle + reach)
    x0 = min(max(x1, start[0] + 12), start[0] + start[2] - 12)
    y0, y1, half = start[1] + _HEIGHT, end[1], _GAP / 2
    over = f"M{x0:.0f} {y0:.0f}C{x0:.0f} {y0 + half:.0f} {x1:.0f} {y0 + half:.0f} {x1:.0f} {y0 + _GAP:.0f}"
    return f'<path d="{over}L{x1:.0f} {y1:.0f}" fill="none" stroke="#8fa3b3" stroke-width="1.4"/>'


def _room(name: str, x: float, y: float, width: float) -> str:
    centre = x + width / 2
    note = _ground_note() if name == GROUND else _NOTES.get(name, "")
    frame = f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HEIGHT}" rx="7"'
    text, name_at = f'<text x="{centre:.0f}" text-anchor="middle"', y + (23 if note else 33)
    return "".join(
        [
            f'{frame} fill="#eef4f6" stroke="#1f6f8b" stroke-width="1.2"/>',
            f'{text} y="{name_at:.0f}" font-size="15" font-weight="600" fill="#1d2630">{escape(name)}</text>',
            f'{text} y="{y + 42:.0f}" font-size="11.5" fill="#4a5763">{escape(note)}</text>' if note else "",
        ]
    )


def _ground_note() -> str:
    names = sorted(path.stem for path in _files() if room_of(path) == GROUND)
    return f"small modules that all may import: {', '.join(names)}"


if __name__ == "__main__":
    TARGET.write_text(draw(imports_between_rooms()), encoding="utf-8")
    print(TARGET.relative_to(ROOT))
