"""Search over the bodies of records: conditions and order become one SQL statement, so that few bodies leave SQLite.

Conditions are trees of ``Test``, ``Some``, ``Not``, ``All`` and ``Any``. What a property is called by clients, and of
which type it is, is for the caller to know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any as Anything
from typing import Literal

from clary.store.database import Database

Type = Literal["text", "number", "time", "boolean", "numeric text", "any"]
"""``numeric text``: compared as numbers where both are. ``any``: only asked whether it is there."""

Operator = Literal["=", "<", "<=", ">", ">=", "in", "contains", "exists"]


@dataclass(frozen=True)
class Each:
    """A step into every element of a list, or into those whose ``key`` holds ``value``; ``any_case`` of its letters."""

    key: str = ""
    value: str = ""
    any_case: bool = False


@dataclass(frozen=True)
class Property:
    """How to reach a value of a body: names of members, and steps into the elements of lists."""

    steps: tuple[str | Each, ...]
    type: Type


@dataclass(frozen=True)
class Test:
    """``value``: text, a number, a ``datetime``, a truth value, a list of texts for ``in``, None for ``exists``."""

    __test__ = False  # for pytest: a test of a property

    property: Property
    operator: Operator
    value: Anything = None


@dataclass(frozen=True)
class Some:
    """One element of the list fulfils all; the tests' steps begin at the element."""

    steps: tuple[str | Each, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    condition: Condition


@dataclass(frozen=True)
class All:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Any:
    conditions: tuple[Condition, ...]


Condition = Test | Some | Not | All | Any


@dataclass(frozen=True)
class Joined:
    """The record of one of ``kinds`` whose ARN stands at ``path`` in a body: it is searched, and told, as ``member``, which
    holds that ARN (under the path's last name) and the record's body (under its kind)."""

    member: str
    path: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Documents:
    """What is searched: the bodies of a kind, or, by ``each``, the elements of a list in them with ``inherited`` members.

    ``joined``: with another record in each, which takes longer.
    """

    kind: str
    each: str = ""
    inherited: tuple[str, ...] = ()
    joined: Joined | None = None


@dataclass(frozen=True)
class Order:
    """By the first of these properties that is there, or by a record's column ``created`` or ``modified``, which is
    quick. What has no value comes last."""

    by: tuple[Property, ...] | Literal["created", "modified"]
    descending: bool = True


Position = tuple[str | int | float | None, str]
"""Where a page ended: the value it is ordered by, and the name."""


class Search:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, region: str, documents: Documents, condition: Condition, order: Order, after: Position | None, limit: int
    ) -> tuple[list[dict[str, Anything]], Position | None]:
        """The documents that fulfil the condition, and where to go on if there are more."""
        sql = _Statement()
        source = sql.documents(region, documents)
        where = [sql.condition(condition, "body")]
        key = sql.key(order)
        if after is not None:
            where.append(sql.after(key, order, after))
        query = (
            f"SELECT {key}, name, body FROM {source} WHERE {' AND '.join(where)}"
            f" ORDER BY {sql.order(key, order)} LIMIT {limit + 1}"
        )
        with self._database.read() as db:
            rows = db.execute(query, sql.values).fetchall()
        shown = [json.loads(body) for _, _, body in rows[:limit]]
        return shown, (rows[limit - 1][0], rows[limit - 1][1]) if len(rows) > limit else None

    def count(self, region: str, documents: Documents, condition: Condition) -> int:
        sql = _Statement()
        query = f"SELECT count(*) FROM {sql.documents(region, documents)} WHERE {sql.condition(condition, 'body')}"
        with self._database.read() as db:
            return int(db.execute(query, sql.values).fetchone()[0])

    def keys(self, region: str, documents: Documents, member: str, key: str = "") -> list[str]:
        """The keys of a map, or what the elements of a list hold under ``key``, in all the documents."""
        sql = _Statement()
        source = sql.documents(region, documents)
        name = f"json_extract(item.value, {sql.bind(_path([key]))})" if key else "item.key"
        query = f"SELECT DISTINCT {name} FROM {source}, json_each(body, {sql.bind(_path([member]))}) AS item ORDER BY 1"
        with self._database.read() as db:
            return [str(found) for (found,) in db.execute(query, sql.values) if found is not None]


class _Statement:
    """SQL and the values that it needs, by name, so that fragments may be used twice."""

    def __init__(self) -> None:
        self.values: dict[str, Anything] = {}
        self._numbers = count()

    def bind(self, value: Anything) -> str:
        name = f"v{next(self._numbers)}"
        self.values[name] = value
        return f":{name}"

    def documents(self, region: str, documents: Documents) -> str:
        if documents.joined is not None:
            return self._joined(region, documents.kind, documents.joined)
        where = f"region = {self.bind(region)} AND kind = {self.bind(documents.kind)}"
        if not documents.each:
            return f"(SELECT name, created, modified, body FROM records WHERE {where})"
        members = ", ".join(
            f"{self.bind(name)}, json_extract(body, {self.bind(_path([name]))})" for name in documents.inherited
        )
        return (
            f"(SELECT name || '/' || item.key AS name, created, modified, json_patch(json_object({members}), item.value) AS body"
            f" FROM records, json_each(body, {self.bind(_path([documents.each]))}) AS item WHERE {where})"
        )

    def _joined(self, region: str, kind: str, other: Joined) -> str:
        arn = f"json_extract(r.body, {self.bind(_path(other.path))})"
        kinds = ", ".join(self.bind(each) for each in other.kinds)
        whole = f"json_object({self.bind(other.path[-1])}, {arn}, o.kind, json(o.body))"
        return (
            "(SELECT r.name AS name, r.created AS created, r.modified AS modified, CASE WHEN o.body IS NULL THEN r.body"
            f" ELSE json_set(r.body, {self.bind(_path([other.member]))}, {whole}) END AS body FROM records r"
            f" LEFT JOIN records o ON o.arn = {arn} COLLATE NOCASE AND o.arn != '' AND o.kind IN ({kinds})"
            f" WHERE r.region = {self.bind(region)} AND r.kind = {self.bind(kind)})"
        )

    def condition(self, condition: Condition, source: str) -> str:
        match condition:
            case Test():
                return self._within(condition.property.steps, source, lambda leaf: self._compare(leaf, condition))
            case Some(steps, conditions):
                return self._within((*steps, Each()), source, lambda leaf: self.condition(All(conditions), leaf))
            case Not(inner):
                return f"{self.condition(inner, source)} IS NOT TRUE"  # what is not there does not fulfil it either
            case All(conditions):
                return f"({' AND '.join(self.condition(each, source) for each in conditions) or 'TRUE'})"
            case Any(conditions):
                return f"({' OR '.join(self.condition(each, source) for each in conditions) or 'FALSE'})"

    def key(self, order: Order) -> str:
        """What the rows are ordered by; NULL where there is none."""
        if isinstance(order.by, str):
            return order.by
        values = [self._first(each.steps, "body", partial(_comparable, type_=each.type)) for each in order.by]
        return f"coalesce({', '.join(values)})" if len(values) > 1 else values[0]

    def after(self, key: str, order: Order, after: Position) -> str:
        """That a row comes after this position."""
        last, name = after[0], self.bind(after[1])
        way = "<" if order.descending else ">"
        if last is None:
            return f"({key} IS NULL AND name {way} {name})"
        value = self.bind(last)
        if isinstance(order.by, str):  # never NULL: one comparison, which the index answers
            return f"({key}, name) {way} ({value}, {name})"
        return f"({key} {way} {value} OR ({key} = {value} AND name {way} {name}) OR {key} IS NULL)"

    def order(self, key: str, order: Order) -> str:
        way = "DESC" if order.descending else "ASC"
        return f"{'' if isinstance(order.by, str) else f'{key} IS NULL, '}{key} {way}, name {way}"

    def _within(self, steps: Sequence[str | Each], source: str, leaf: Callable[[str], str]) -> str:
        """That the leaf's condition holds where the steps lead, of several places at one of them."""
        path, each, rest = _split(steps)
        if each is None:
            return leaf(self._extract(source, path))
        inner = self._within(rest, f"{(alias := self._alias())}.value", leaf)
        return (
            f"EXISTS (SELECT 1 FROM json_each({source}, {self.bind(_path(path))}) AS {alias}"
            f" WHERE {self._chosen(each, alias)} AND {inner})"
        )

    def _first(self, steps: Sequence[str | Each], source: str, leaf: Callable[[str], str]) -> str:
        """The leaf's value where the steps lead, of several places the first."""
        path, each, rest = _split(steps)
        if each is None:
            return leaf(self._extract(source, path))
        inner = self._first(rest, f"{(alias := self._alias())}.value", leaf)
        return (
            f"(SELECT {inner} FROM json_each({source}, {self.bind(_path(path))}) AS {alias}"
            f" WHERE {self._chosen(each, alias)} LIMIT 1)"
        )

    def _chosen(self, each: Each, alias: str) -> str:
        if not each.key:
            return "TRUE"
        found, wanted = f"json_extract({alias}.value, {self.bind(_path([each.key]))})", self.bind(each.value)
        return f"lower({found}) = lower({wanted})" if each.any_case else f"{found} = {wanted}"

    def _extract(self, source: str, path: Sequence[str]) -> str:
        return f"json_extract({source}, {self.bind(_path(path))})" if path else source

    def _alias(self) -> str:
        return f"e{next(self._numbers)}"

    def _compare(self, leaf: str, test: Test) -> str:
        type_, value = test.property.type, test.value
        match test.operator:
            case "exists":
                return f"{leaf} IS NOT NULL"
            case "contains":
                return f"instr({leaf}, {self.bind(value)}) > 0"
            case "in":
                return f"{leaf} IN (SELECT value FROM json_each({self.bind(json.dumps(value))}))"
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds")[:23]
        if type_ == "numeric text" and isinstance(value, int | float):
            number = "INTEGER" if isinstance(value, int) else "REAL"
            return f"({_is_number(leaf)} AND CAST({leaf} AS {number}) {test.operator} {self.bind(value)})"
        return f"{_comparable(leaf, type_)} {test.operator} {self.bind(value)}"


def _split(steps: Sequence[str | Each]) -> tuple[list[str], Each | None, Sequence[str | Each]]:
    """The names up to the next step into a list, that step, and what follows it."""
    path: list[str] = []
    for number, step in enumerate(steps):
        if isinstance(step, Each):
            return path, step, steps[number + 1 :]
        path.append(step)
    return path, None, ()


def _path(names: Sequence[str]) -> str:
    """A path of SQLite's JSON functions; quotes in a name are escaped as JSON escapes them."""
    return "$" + "".join(f".{json.dumps(name, ensure_ascii=False)}" for name in names)


def _comparable(leaf: str, type_: Type) -> str:
    match type_:
        case "time":
            return f"strftime('%Y-%m-%d %H:%M:%f', {leaf})"
        case "numeric text":
            return f"CASE WHEN {_is_number(leaf)} THEN CAST({leaf} AS REAL) ELSE {leaf} END"
    return leaf


def _is_number(leaf: str) -> str:
    return f"({leaf} GLOB '*[0-9]*' AND {leaf} NOT GLOB '*[^-+.eE0-9]*')"
