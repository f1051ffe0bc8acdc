"""CloudWatch's errors, by the names of their shapes; the protocols turn them into the codes that clients know.

* InvalidValue: a parameter's value is not taken
* InvalidCombination: parameters that do not go together
* Missing: a parameter that must be there is not
"""

from __future__ import annotations

from clary.errors import ServiceError


class InvalidValue(ServiceError):
    code = "InvalidParameterValueException"


class InvalidCombination(ServiceError):
    code = "InvalidParameterCombinationException"


class Missing(ServiceError):
    code = "MissingRequiredParameterException"


def check_period(period: int, parameter: str = "Period") -> None:
    """Seconds: 1, 5, 10, 20, 30, or a multiple of 60."""
    if period not in {1, 5, 10, 20, 30} and (period <= 0 or period % 60):
        raise InvalidValue(f"The parameter {parameter} must be 1, 5, 10, 20, 30, or a multiple of 60; it is {period}.")
