"""The projects that people learn from: where they lie, a learner's copies, hints, and the notebooks."""
