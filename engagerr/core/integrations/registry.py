"""The connectors that are installed: ours and anybody's, found by the entry point group `engagerr.connectors`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from engagerr.core.errors import InvalidInput, NotFound
from engagerr.core.integrations.connector import Connector

GROUP = "engagerr.connectors"


class UnknownConnector(NotFound):
    """No installed connector has that name."""


class BadConnector(InvalidInput):
    """An installed package names a connector that is none."""


def installed_connectors() -> dict[str, Connector]:
    """{name: connector}, sorted by name. An entry point names a `Connector`; two of one name are refused."""
    found: dict[str, Connector] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            connector = point.load()
        except Exception as error:
            # The package is anybody's, and may fail in any way while it is imported.
            raise BadConnector(
                f"The connector {point.name} cannot be loaded: {type(error).__name__}: {error}.",
                hint=f"Reinstall or remove the package that provides {point.value}.",
                facts={"connector": point.name},
            ) from error
        if not isinstance(connector, Connector) or connector.name in found:
            raise BadConnector(
                f"The entry point {point.name} = {point.value} "
                + ("is no Connector." if not isinstance(connector, Connector) else "is a second one of that name."),
                hint="See the guide on writing a connector.",
                facts={"connector": point.name},
            )
        found[connector.name] = connector
    return found


def connector_named(connectors: Mapping[str, Connector], name: str) -> Connector:
    """The connector of that name."""
    if name in connectors:
        return connectors[name]
    raise UnknownConnector(
        f"There is no connector {name!r}.",
        hint=f"Installed: {', '.join(connectors)}. `engagerr platform list` says what each yields.",
        facts={"connector": name},
    )
