"""High availability for the Postfix mail system on Pacemaker clusters.

The modules of this folder itself are the hot path of the recurring monitor: they import only
``sys os time errno fcntl select _socket`` and each other, and load a sub-package by name, inside a function,
when there is something to do that a healthy monitor never needs.
"""

__version__ = "0.2.0"
