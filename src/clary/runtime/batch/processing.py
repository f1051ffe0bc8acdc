"""What DataProcessing asks for: a part of the input to the model, the answer joined to the input, a part of that kept.

Where DataCaptureConfig asks for inference ids, each record that is kept gets one, and its time.

CSV is taken by rows, each a list of its cells; JSON lines by lines; JSON as one document, or by lines where the input
is split so. Source: SageMaker's developer guide, "Associate Prediction Results with Input Records".
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from clary.formats.json_path import JsonPath, parse

Form = Literal["csv", "lines", "json"]


class CannotProcess(ValueError):
    """The records are not what the filters or the join need; the message says why."""


def form(content_type: str, split: str) -> Form | None:
    """How records of a content type are read; None for one that filters and joins do not take."""
    match content_type.partition(";")[0].strip().lower():
        case "text/csv":
            return "csv"
        case "application/jsonlines" | "application/x-jsonlines":
            return "lines"
        case "application/json":
            return "lines" if split == "Line" else "json"
    return None


@dataclass(frozen=True)
class Processing:
    """``content_type`` is the input's; ``accept`` is what was asked of the model, "" for whatever it answers.

    ``identify``: give each record that is kept an inference id.
    """

    input_filter: JsonPath
    output_filter: JsonPath
    join: bool
    identify: bool
    content_type: str
    accept: str
    split: str

    @classmethod
    def of(
        cls, asked: dict[str, Any], content_type: str, accept: str, split: str, *, identify: bool = False
    ) -> Processing:
        """From a request's DataProcessing."""
        return cls(
            parse(asked.get("InputFilter") or "$"),
            parse(asked.get("OutputFilter") or "$"),
            asked.get("JoinSource") == "Input",
            identify,
            content_type,
            accept,
            split,
        )

    def sent(self, body: bytes | memoryview) -> bytes | memoryview:
        """What of the input the model gets. ``CannotProcess``, ``NotThere``."""
        if not self.input_filter:
            return body
        kind = self._form(self.content_type, "InputFilter")
        return _written([self.input_filter.apply(each) for each in _read(_text(body), kind)], kind)

    def kept(self, body: bytes | memoryview, answer: bytes, answer_type: str) -> bytes:
        """What is stored of the model's answer to ``body``. ``CannotProcess``, ``NotThere``."""
        if not (self.join or self.output_filter or self.identify):
            return answer
        member = "JoinSource" if self.join else "OutputFilter" if self.output_filter else "GenerateInferenceId"
        kind = self._form(self.accept or answer_type, member)
        if self.join and self._form(self.content_type, member) != kind:
            raise CannotProcess(
                f"an input of {self.content_type} cannot be joined to an answer of {self.accept or answer_type}: "
                "ContentType and Accept must be alike"
            )
        pairs = _paired(_text(body), _text(answer), kind) if self.join else None
        if pairs and kind == "csv" and not (self.output_filter or self.identify):  # as they stand
            return "\n".join(f"{row},{more}" for row, more in pairs).encode()
        join = _row if kind == "csv" else _document
        values = (
            _read(_text(answer), kind)
            if pairs is None
            else [join(_value(one, kind), _value(other, kind)) for one, other in pairs]
        )
        kept = [self.output_filter.apply(each) for each in values]
        return _written([_identified(each, kind) for each in kept] if self.identify else kept, kind)

    def _form(self, content_type: str, member: str) -> Form:
        found = form(content_type, self.split)
        if found is None:
            raise CannotProcess(
                f"{member} takes text/csv, application/json and application/jsonlines, not {content_type!r}"
            )
        return found


def _text(body: bytes | memoryview) -> str:
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError as error:
        raise CannotProcess(f"the records are no UTF-8: {error}") from None


def _records(text: str, kind: Form) -> list[str]:
    """The text of each record."""
    if kind == "json":
        return [text]
    return [line for each in text.split("\n") if (line := each.rstrip("\r"))]


def _value(record: str, kind: Form) -> Any:
    if kind == "csv":
        return next(csv.reader([record])) if '"' in record else record.split(",")
    try:
        return json.loads(record)
    except ValueError as error:
        raise CannotProcess(f"a record is no JSON: {error}: {record[:80]!r}") from None


def _read(text: str, kind: Form) -> list[Any]:
    return [_value(record, kind) for record in _records(text, kind)]


def _written(values: list[Any], kind: Form) -> bytes:
    if kind == "csv":
        rows = io.StringIO()
        csv.writer(rows, lineterminator="\n").writerows(each if isinstance(each, list) else [each] for each in values)
        return rows.getvalue().removesuffix("\n").encode()
    return "\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in values).encode()


def _paired(body: str, answer: str, kind: Form) -> list[tuple[str, str]]:
    """The records of a request, each with the model's answer to it."""
    given = _records(body, kind)
    answered = [answer.strip()] if len(given) == 1 and kind != "csv" else _records(answer, kind)
    if len(given) != len(answered):
        raise CannotProcess(f"the model answered {len(answered)} records to {len(given)}: a join needs one for each")
    return list(zip(given, answered, strict=True))


def _identified(record: Any, kind: Form) -> Any:
    identifier, now = str(uuid.uuid4()), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if kind == "csv":
        return [*(record if isinstance(record, list) else [record]), identifier, now]
    named = record if isinstance(record, dict) else {"SageMakerOutput": record}
    return {**named, "SageMakerInferenceId": identifier, "SageMakerInferenceTime": now}


def _row(given: list[str], answered: list[str]) -> list[str]:
    return given + answered


def _document(given: Any, answered: Any) -> dict[str, Any]:
    """The answer in the input's object, under a name of its own, or both in a new one."""
    named = given if isinstance(given, dict) else {"SageMakerInput": given}
    return {**named, "SageMakerOutput": answered}
