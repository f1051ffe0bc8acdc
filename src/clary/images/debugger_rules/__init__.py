"""The images of Debugger's rules: a program that looks at the tensors of a training job while it runs."""

from __future__ import annotations
