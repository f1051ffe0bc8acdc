"""Tests that an image's own Python runs, with pytest from this environment: ``tests/unit/images/test_in_images.py`` does so."""
