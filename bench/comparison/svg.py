"""As much SVG as the plots need."""
# SPDX-License-Identifier: BSL-1.0
import html
import math

COLORS = {"rondo": "#d9480f", "asio": "#1c7ed6", "tokio": "#2f9e44", "go": "#0c8599", "uvloop": "#7048e8",
          "asyncio": "#868e96", "condvar": "#343a40", "epoll": "#343a40"}
GRID = "#dee2e6"
TEXT = "#212529"


def color(name):
    return COLORS[name.split()[0]]


class Canvas:
    def __init__(self, width, height):
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
                      f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="11" fill="{TEXT}">',
                      f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>']

    def text(self, x, y, text, anchor="start", bold=False, size=11):
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{weight}>'
                          f"{html.escape(text)}</text>")

    def rect(self, x, y, width, height, fill):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" '
                          f'fill="{fill}"/>')

    def line(self, points, stroke, width=1.0):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="{width}"/>')

    def dot(self, x, y, fill):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{fill}"/>')

    def legend(self, x, y, names):
        for name in names:
            self.rect(x, y - 8, 10, 10, color(name))
            self.text(x + 14, y, name)
            x += 30 + 7 * len(name)

    def write(self, path):
        path.write_text("\n".join([*self.parts, "</svg>"]) + "\n")


class LogScale:
    """Maps values to positions; what is drawn begins at least a factor of two below the smallest value."""

    def __init__(self, values, begin, end, margin=2.0):
        self.low = math.floor(math.log10(min(values) / margin))
        self.high = max(math.log10(max(values)), self.low + 1)
        self.begin, self.end = begin, end

    def __call__(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + part * (self.end - self.begin)

    def ticks(self):
        return [10.0 ** e for e in range(self.low, math.floor(self.high + 1e-9) + 1)]


class LinearScale:
    def __init__(self, values, begin, end):
        self.top = max(values)
        step = 10 ** math.floor(math.log10(self.top))
        self.step = next(s for s in (step / 5, step / 2, step, 2 * step) if self.top / s <= 5)
        self.begin, self.end = begin, end

    def __call__(self, value):
        return self.begin + value / self.top * (self.end - self.begin)

    def ticks(self):
        return [i * self.step for i in range(int(self.top / self.step) + 1)]


def short(value):
    """A number as an axis shows it."""
    for factor, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g}{suffix}"
    return f"{value:.3g}"
