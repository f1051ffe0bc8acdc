"""CloudWatch's errors, by the names of their shapes; the protocols turn them into the codes that clients know.

* InvalidValue: a parameter's value is not taken
* InvalidCombination: parameters that do not go together
* Missing: a parameter that must be there is not
"""

from __future__ import annotations

from clary.errors import ServiceError


class InvalidValue(ServiceError):
    """A parameter has a value that it cannot have."""

    code = "InvalidParameterValueException"


class InvalidCombination(ServiceError):
    """Two parameters do not go together."""

    code = "InvalidParameterCombinationException"


class Missing(ServiceError):
    """A parameter that is needed is not there."""

    code = "MissingRequiredParameterException"


def check_period(period: int, parameter: str = "Period") -> None:
    """Seconds: 1, 5, 10, 20, 30, or a multiple of 60."""
    if period not in {1, 5, 10, 20, 30} and (period <= 0 or period % 60):
        raise InvalidValue(f"The parameter {parameter} must be 1, 5, 10, 20, 30, or a multiple of 60; it is {period}.")
