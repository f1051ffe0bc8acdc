"""The web pages under ``/_/``: the console of whoever is signed in, and the portal of those who label.

A page is a function in a module of ``pages``; it asks the operations that boto3 asks, by the door that checks the rights of
whoever is signed in. Why server-rendered pages: docs/design/027-console.md.
"""
