"""Checks on a node: the catalogue of all findings, and the checks of a node's setup."""
