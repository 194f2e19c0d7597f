"""The commands of ``searchsvc``, a module a subject; ``web.cli`` puts them together.

Only click is imported at the top of these modules: help must come at once.
"""
