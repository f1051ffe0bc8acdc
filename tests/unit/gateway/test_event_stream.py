"""Event streams against botocore: of every operation that answers in one, each event it may send and how it may end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.eventstream import EventStream
from botocore.exceptions import EventStreamError
from botocore.model import OperationModel
from botocore.parsers import create_parser

from clary.errors import ServiceError
from clary.gateway import models
from tests.contracts.protocol import Values
from tests.unit.gateway.test_round_trips import CASES, MODULES, Case, case_id, normal

STREAMS = [case for case in CASES if models.service(case[0]).operation_model(case[2]).has_event_stream_output]


class Answered:
    """The answer's members and its events, as botocore reads them."""

    def __init__(self, case: Case, result: dict[str, Any], events: list[dict[str, Any]], end: Exception | None) -> None:
        service, protocol, name = case
        self.operation: OperationModel = models.service(service).operation_model(name)
        self.member = self.operation.output_shape.event_stream_name

        async def stream() -> AsyncIterator[dict[str, Any]]:
            for event in events:
                yield event
            if end is not None:
                raise end

        answer = MODULES[protocol].serialize(self.operation, {**result, self.member: stream()}, "request-1")
        assert answer.headers["Content-Type"] == "application/vnd.amazon.eventstream"

        async def body() -> bytes:
            return b"".join([frame async for frame in answer.body])  # type: ignore[union-attr]

        raw = _Raw(asyncio.run(body()))
        response = {"status_code": 200, "headers": HeadersDict(answer.headers), "body": raw, "context": {}}
        self.parsed = create_parser(protocol).parse(
            {**response, "context": {"operation_name": name}}, self.operation.output_shape
        )
        self.stream: EventStream = self.parsed[self.member]


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body[i : i + 7] for i in range(0, len(self._body), 7)]

    def close(self) -> None: ...


@pytest.mark.parametrize("case", STREAMS, ids=case_id)
def test_every_event_is_read_as_it_was_meant(case: Case) -> None:
    operation = models.service(case[0]).operation_model(case[2])
    shape = operation.output_shape.members[operation.output_shape.event_stream_name]
    kinds = {n: m for n, m in shape.members.items() if not m.metadata.get("exception")}
    events = [{n: Values(seed).make(m)} for n, m in kinds.items() for seed in range(3)]
    answered = Answered(case, {}, events, None)
    assert [normal(shape, event) for event in answered.stream] == [normal(shape, event) for event in events]


@pytest.mark.parametrize("case", STREAMS, ids=case_id)
def test_a_stream_ends_with_the_error_that_ended_it(case: Case) -> None:
    operation = models.service(case[0]).operation_model(case[2])
    shape = operation.output_shape.members[operation.output_shape.event_stream_name]
    modelled = [m.name for m in shape.members.values() if m.metadata.get("exception")]
    for code in [*modelled, "InternalFailure"]:
        answered = Answered(case, {}, [], ServiceError("why & how", code=code))
        with pytest.raises(EventStreamError) as error:
            list(answered.stream)
        assert error.value.response["Error"]["Code"] == code
        assert error.value.response["Error"]["Message"] == "why & how"
