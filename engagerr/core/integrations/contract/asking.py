"""The plainest way to ask a fake: one call, one answer, the connector's judge; no pauses, no second try."""

from __future__ import annotations

import httpx  # noqa: TID253 - only tests and demos load this module

from engagerr.core.integrations.connector import Answer, Call, Connector, FaultKind
from engagerr.core.integrations.faults import (
    CallRefused,
    FieldsRefused,
    GrantLost,
    NotThere,
    PermissionDenied,
    PlatformUnavailable,
)
from engagerr.core.integrations.records import State

_ERRORS = {
    FaultKind.BUSY: PlatformUnavailable,
    FaultKind.DOWN: PlatformUnavailable,
    FaultKind.SPENT: PlatformUnavailable,
    FaultKind.GRANT: GrantLost,
    FaultKind.DENIED: PermissionDenied,
    FaultKind.GONE: NotThere,
    FaultKind.REFUSED: CallRefused,
}


class PlainAsk:
    """Asks a transport in the name of a connector."""

    def __init__(
        self,
        connector: Connector,
        transport: httpx.BaseTransport,
        *,
        token: str | None = "good-token",  # noqa: S107
    ) -> None:
        self.refused: dict[str, State] = {}
        self.calls: list[Call] = []
        self._connector = connector
        self._client = httpx.Client(transport=transport, base_url=connector.base_url, follow_redirects=True)
        self._token = token

    def __call__(self, call: Call) -> Answer:
        """The answer to one call, or the error that its fault means."""
        self.calls.append(call)
        headers = dict(call.headers)
        if self._token:
            own = self._connector.token_headers.get(httpx.URL(call.path).host)
            headers |= {own: self._token} if own else {"authorization": f"Bearer {self._token}"}
        response = self._client.request(
            call.method, call.path, params=dict(call.params) or None, json=call.json, headers=headers
        )
        body = response.json() if call.expects == "json" else response.content
        answer = Answer(
            response.status_code, {k.lower(): v for k, v in response.headers.items()}, body, str(response.url)
        )
        fault = self._connector.judge(answer)
        if fault is None:
            return answer
        if fault.kind is FaultKind.FIELDS:
            raise FieldsRefused(fault.message, fields=fault.fields, state=fault.state)
        raise _ERRORS[fault.kind](fault.message)
