"""A connector without streams, for the tests of what lies below them."""

from __future__ import annotations

from typing import Any

from engagerr.core.integrations.connector import Connector, OAuth2
from engagerr.core.integrations.faults import judge_by_status

SIGN_IN = OAuth2(authorize_url="https://plain.example/authorize", token_url="https://plain.example/token", scopes=())
IN_THE_QUERY = OAuth2(
    authorize_url="https://plain.example/authorize",
    token_url="https://plain.example/token",
    scopes=(),
    sent_in="access_token",
)


def plain_connector(**changes: Any) -> Connector:
    """Plain, at https://api.plain.example/v1, judged by its statuses."""
    said: dict[str, Any] = {
        "name": "plain",
        "platform": "plain",
        "title": "Plain",
        "base_url": "https://api.plain.example/v1",
        "auth": SIGN_IN,
        "streams": (),
        "identify": lambda ask, account: (),
        "judge": judge_by_status,
        "documentation": "https://plain.example/docs",
    }
    return Connector(**said | changes)
