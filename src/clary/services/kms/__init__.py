"""KMS: symmetric keys, their aliases, tags and rotation, and what is encrypted under them.

Not covered: asymmetric and HMAC keys, imported material, custom key stores, multi-region keys, grants, and key policies
other than the default one, under which the policies of the account's users and roles decide.
"""
