"""The connectors as a page that people read: `connectors_markdown`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from engagerr.core.integrations.connector import AppToken, Connector, Limits, OAuth2, Stream

_INTRODUCTION = """\
# Connectors

What `engagerr platform connect` can connect, and what each connection brings. `engagerr platform show NAME` tells it in
the terminal, with what is still to be done here.

- **Every**: how often a stream is due. **Late figures**: so long the platform still changes its figures, and so long
  they are fetched again. **Again**: items younger than this are fetched at each pass. **All**: how often everything is
  fetched from the start. **Back**: how far back the platform answers; what lies further back is reported as a gap.
- **Figures** are those that the tests see each stream yield, from answers in the platform's own shapes. Behind the
  arrow stands the standard figure that each maps to: ≈ is scaled by a stated factor, ≠ is shown and never added. A
  figure may map differently by surface and date: [metric definitions](metrics.md) says how. What an account or a grant
  does not allow is kept as a figure without a value, with the reason.

Your own connector: [write a connector in an hour](../guides/connectors.md)."""


def connectors_markdown(connectors: Iterable[Connector], figures: Mapping[tuple[str, str], Mapping[str, str]]) -> str:
    """One section a connector. `figures`: {(connector, stream): {native metric: what it maps to, in words}}."""
    lines = [_INTRODUCTION]
    for connector in connectors:
        lines += ["", *_section(connector, figures)]
    return "\n".join(lines)


def _section(connector: Connector, figures: Mapping[tuple[str, str], Mapping[str, str]]) -> Iterator[str]:
    yield f"## {connector.title}"
    yield ""
    yield f"- Connect: `engagerr platform connect {connector.name}`; accounts are `{connector.platform}:HANDLE`"
    yield f"- Sign-in: {_sign_in(connector)}"
    if (app := _app(connector)) is not None:
        yield f"- Your app: {app}"
    yield f"- Pace: {_pace(connector.limits)}"
    yield f"- Documentation: <{connector.documentation}>"
    if isinstance(connector.auth, OAuth2) and connector.auth.scopes:
        yield ""
        yield from _table(
            ("permission", "lets us", "streams"),
            (
                (
                    f"`{scope.name}`" + ("" if scope.asked else " (not asked for; used where the grant has it)"),
                    scope.words,
                    ", ".join(stream.name for stream in connector.streams if scope.name in stream.scopes),
                )
                for scope in connector.auth.scopes
            ),
        )
    yield ""
    yield from _table(
        ("stream", "brings", "every", "late figures", "again", "all", "back"), map(_row, connector.streams)
    )
    for stream in connector.streams:
        found = figures.get((connector.name, stream.name), {})
        if found:
            yield ""
            told = ", ".join(f"`{name}`{f' {words}' if words else ''}" for name, words in sorted(found.items()))
            yield f"Figures of {stream.name}: {told}."


def _row(stream: Stream) -> tuple[str, ...]:
    return (
        f"`{stream.name}`",
        stream.yields,
        in_words(stream.every),
        in_words(stream.lag) if stream.lag else "",
        in_words(stream.revisit) if stream.revisit else "",
        in_words(stream.whole_every) if stream.whole_every else "",
        in_words(stream.look_back) if stream.look_back else "all there is",
    )


def _sign_in(connector: Connector) -> str:
    if isinstance(connector.auth, OAuth2):
        ways = "a browser" + (", or a code on another device (`--device`)" if connector.auth.device_url else "")
        return f"the account's owner, by {ways}" + ("" if connector.auth.renews else "; again when it expires")
    if isinstance(connector.auth, AppToken):
        return "none by the account's owner: your app's own token is enough; name the account with `--account`"
    return "none: what is public is read; name the address with `--account`"


def _app(connector: Connector) -> str | None:
    if not isinstance(connector.auth, OAuth2 | AppToken):
        return None
    prefix = f"ENGAGERR_PLATFORMS__{connector.name.upper()}"
    return f"`{prefix}__CLIENT_ID` and `{prefix}__CLIENT_SECRET` (or `…_SECRET_FILE`)"


def _pace(limits: Limits) -> str:
    words = f"{limits.account_per_second:g} calls a second for an account, {limits.app_per_second:g} for your app"
    if limits.daily_units is not None:
        words += f"; {limits.daily_units:,} units a day, renewed at midnight in {limits.day_zone}"
    return words


def in_words(span: timedelta) -> str:
    """A span as people say it: "15 minutes", "4 hours", "2 days"."""
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        # 24 hours are a day, and 36 hours stay 36 hours.
        if span >= unit and span % unit == timedelta(0):
            count = span // unit
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return f"{span.total_seconds():g} seconds"


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "| " + " | ".join("---" for _ in headings) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
