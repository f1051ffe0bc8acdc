"""What is wrong with what the user gave, told apart from what went wrong by itself."""

from __future__ import annotations


class UserError(Exception):
    """The data or a hyperparameter cannot be used: a job's ClientError, an endpoint's 400."""

    status_code = 400
