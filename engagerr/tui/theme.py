"""The three looks of the console: one accent, every text at least 4.5 : 1 on every ground that it appears on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from textual.color import Color
from textual.theme import Theme

DARK, LIGHT, CONTRAST = "engagerr-dark", "engagerr-light", "engagerr-contrast"
LOOKS = {"dark": DARK, "light": LIGHT, "contrast": CONTRAST}

# Grounds that text stands on, and the tokens that text may have.
GROUNDS = ("background", "panel", "cursor")
INKS = ("ink", "soft", "faint", "accent", "good", "attention", "danger", "unknown")

TOKENS: Mapping[str, Mapping[str, str]] = {
    DARK: {
        "background": "#0E1319", "panel": "#151D26", "raised": "#1F2A35", "cursor": "#12363F", "line": "#33414F",
        "ink": "#E6EBF0", "soft": "#A9B5C1", "faint": "#8E9CAA", "accent": "#5CC8DE", "dim": "#4E90A0",
        "good": "#6FCF97", "attention": "#F2B84B", "danger": "#FF8078", "unknown": "#B7A9E6", "on-accent": "#06171B",
    },
    LIGHT: {
        "background": "#FBFAF6", "panel": "#F1EFE8", "raised": "#E6E2D8", "cursor": "#C9E6EC", "line": "#C9C4B6",
        "ink": "#1B2228", "soft": "#47525C", "faint": "#5A646E", "accent": "#0A6577", "dim": "#3F7C8B",
        "good": "#1C6E3E", "attention": "#7F5200", "danger": "#AD231C", "unknown": "#594A9C", "on-accent": "#FFFFFF",
    },
    CONTRAST: {
        "background": "#000000", "panel": "#000000", "raised": "#2A2A2A", "cursor": "#003B47", "line": "#9A9A9A",
        "ink": "#FFFFFF", "soft": "#EDEDED", "faint": "#CFCFCF", "accent": "#5CE1FF", "dim": "#9A9A9A",
        "good": "#5CFF9D", "attention": "#FFD94A", "danger": "#FFA79F", "unknown": "#D6C9FF", "on-accent": "#000000",
    },
}  # fmt: skip


def themes() -> tuple[Theme, ...]:
    """The looks as Textual has them; Textual's own colours are set to ours, so that nothing of it stands out."""
    return tuple(_theme(name, tokens) for name, tokens in TOKENS.items())


@lru_cache(256)
def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG 2 defines it, from 1 to 21. Source: WCAG 2.2, "contrast ratio"."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = Color.parse(colour).rgb
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def _theme(name: str, tokens: Mapping[str, str]) -> Theme:
    return Theme(
        name=name,
        primary=tokens["accent"], secondary=tokens["dim"], accent=tokens["accent"], warning=tokens["attention"],
        error=tokens["danger"], success=tokens["good"], foreground=tokens["ink"], background=tokens["background"],
        surface=tokens["background"], panel=tokens["panel"], dark=name != LIGHT, text_alpha=1.0,
        variables={
            **{token: colour for token, colour in tokens.items() if token not in ("background", "panel", "accent")},
            "block-cursor-background": tokens["cursor"], "block-cursor-foreground": tokens["ink"],
            "block-cursor-text-style": "none", "input-selection-background": tokens["cursor"],
            "input-cursor-background": tokens["accent"], "input-cursor-foreground": tokens["on-accent"],
            "footer-key-foreground": tokens["accent"], "link-color": tokens["accent"], "border": tokens["line"],
        },
    )  # fmt: skip
