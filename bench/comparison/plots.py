"""The plots of the page."""
# SPDX-License-Identifier: BSL-1.0
import textwrap

from . import cases
from .svg import GRID, Canvas, LinearScale, LogScale, color, short

WIDTH, COLUMNS, GAP = 930, 3, 14
PANEL = (WIDTH - GAP * (COLUMNS + 1)) / COLUMNS
BAR = 16
LABEL = 52


def title(canvas, x, y, text, columns=42):
    for i, line in enumerate(textwrap.wrap(text, columns)[:2]):
        canvas.text(x, y + 13 + 13 * i, line, bold=True)


def bars(canvas, x, y, width, label_width, values, logarithmic):
    """A bar for each (name, [(value, opacity)...]); several values are stacked."""
    sums = [sum(v for v, _ in parts) for _, parts in values]
    begin, end = x + label_width, x + width - 44
    scale = LogScale(sums, begin, end) if logarithmic else LinearScale(sums, begin, end)
    bottom = y + BAR * len(values) + 2
    for tick in scale.ticks():
        canvas.line([(scale(tick), y), (scale(tick), bottom)], GRID)
        canvas.text(scale(tick), bottom + 11, short(tick), "middle", size=9)
    for i, (name, parts) in enumerate(values):
        top = y + BAR * i + 2
        canvas.text(begin - 5, top + 10, name, "end", bold=name == "rondo")
        left = 0.0
        for value, fill in parts:
            from_x = begin if left == 0.0 else scale(left)
            left += value
            canvas.rect(from_x, top, scale(left) - from_x, BAR - 4, fill)
        canvas.text(scale(left) + 4, top + 10, short(left), size=10)


def bar_panels(rows, path):
    heights = []
    for i in range(0, len(rows), COLUMNS):
        heights.append(max(len(r["results"]) for r in rows[i:i + COLUMNS]) * BAR + 66)
    canvas = Canvas(WIDTH, sum(heights) + 30)
    canvas.text(GAP, 18, "time for one operation in nanoseconds; the axes are logarithmic, shorter is better")
    y = 26.0
    for i, row in enumerate(rows):
        x = GAP + (i % COLUMNS) * (PANEL + GAP)
        title(canvas, x, y, row["title"])
        values = [(s, [(t["median"], color(s))]) for s, t in row["results"].items()]
        bars(canvas, x, y + 34, PANEL, LABEL, values, True)
        if i % COLUMNS == COLUMNS - 1:
            y += heights[i // COLUMNS]
    canvas.write(path)


def curves(canvas, x, y, width, height, series, logarithmic=True):
    """A line for each {name: [(n, value)...]}."""
    values = [v for points in series.values() for _, v in points]
    sizes = [n for points in series.values() for n, _ in points]
    across = LogScale(sizes, x + 34, x + width - 12, 1.0)
    up = LogScale(values, y + height, y) if logarithmic else LinearScale(values, y + height, y)
    for tick in across.ticks():
        canvas.line([(across(tick), y), (across(tick), y + height)], GRID)
        canvas.text(across(tick), y + height + 13, short(tick), "middle", size=9)
    for tick in up.ticks():
        canvas.line([(x + 34, up(tick)), (x + width - 12, up(tick))], GRID)
        canvas.text(x + 30, up(tick) + 3, short(tick), "end", size=9)
    for name, points in series.items():
        drawn = [(across(n), up(v)) for n, v in points]
        canvas.line(drawn, color(name), 2.5 if name == "rondo" else 1.5)
        for at in drawn:
            canvas.dot(*at, color(name))


def curve_panels(panels, path, text):
    """`panels`: (title, {name: points}, logarithmic)."""
    height = 130
    lines = -(-len(panels) // COLUMNS)
    canvas = Canvas(WIDTH, lines * (height + 66) + 40)
    canvas.text(GAP, 18, text)
    names = [s for s in cases.SUBJECTS if any(s in series for _, series, _ in panels)]
    canvas.legend(WIDTH - 400, 18, names)
    for i, (heading, series, logarithmic) in enumerate(panels):
        x, y = GAP + (i % COLUMNS) * (PANEL + GAP), 30 + (i // COLUMNS) * (height + 66)
        title(canvas, x, y, heading)
        curves(canvas, x, y + 36, PANEL, height, series, logarithmic)
    canvas.write(path)


def series_of(rows):
    result = {}
    for row in rows:
        for subject, taken in row["results"].items():
            result.setdefault(subject, []).append((row["size"], taken["median"]))
    return {s: result[s] for s in cases.SUBJECTS if s in result}


def scaling_panels(rows):
    for program_case, heading, *_ in cases.SCALING:
        of_case = [r for r in rows if r["group"] == "scaling" and r["program_case"] == program_case]
        if len(of_case) > 1:
            yield heading, series_of(of_case), True


def sleeper_panels(rows):
    for prefix, heading, logarithmic in (("sleeping_", "bytes for each of n sleeping tasks", False),
                                         ("sleep_create_", "n tasks put to sleep: ns each", True),
                                         ("cancel_", "n sleeping tasks cancelled: ns each", True)):
        of_figure = [r for r in rows if r["group"] == "sleepers" and r["name"].startswith(prefix)]
        if len(of_figure) > 1:
            yield heading, series_of(of_figure), logarithmic


def echo_panels(echo, path):
    width = (WIDTH - 3 * GAP) / 2
    height = max(len(r["servers"]) for r in echo) * BAR + 60
    canvas = Canvas(WIDTH, len(echo) * height + 10)
    for i, row in enumerate(echo):
        y = 8 + i * height
        connections = f"{row['connections']} connection" + ("s" if row["connections"] > 1 else "")
        title(canvas, GAP, y, f"{connections}: requests a second")
        title(canvas, 2 * GAP + width, y, "server time for a request in µs: user (dark), system", 60)
        rates = [(s, [(t["requests_per_second"]["median"], color(s))]) for s, t in row["servers"].items()]
        times = [(s, [(t["user_us"], color(s)), (t["system_us"], color(s) + "66")]) for s, t in row["servers"].items()]
        bars(canvas, GAP, y + 22, width, 112, rates, False)
        if any(v for _, parts in times for v, _ in parts):
            bars(canvas, 2 * GAP + width, y + 22, width, 112, times, False)
    canvas.write(path)


def draw(data, out):
    """Returns the names of the files that it has written; those that an earlier run has left are removed."""
    rows = data["rows"]
    drawings = {}
    for group, name in (("tasks", "cases.svg"), ("threads", "threads.svg")):
        of_group = [r for r in rows if r["group"] == group]
        if of_group:
            drawings[name] = lambda path, r=of_group: bar_panels(r, path)
    if data["echo"]:
        drawings["echo.svg"] = lambda path: echo_panels(data["echo"], path)
    for name, panels, text in (("scaling.svg", list(scaling_panels(rows)), "time for one operation in ns"),
                               ("sleepers.svg", list(sleeper_panels(rows)), "sleeping tasks")):
        if panels:
            drawings[name] = lambda path, p=panels, t=text: curve_panels(p, path, t)
    for name in ("cases.svg", "threads.svg", "echo.svg", "scaling.svg", "sleepers.svg"):
        (out / name).unlink(missing_ok=True)
    for name, drawing in drawings.items():
        drawing(out / name)
    return list(drawings)
