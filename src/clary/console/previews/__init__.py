"""Previews of objects: what kind of thing one is, by its name and its first bytes, and its beginning as a page shows it."""
