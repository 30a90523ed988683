"""The live cluster: all that runs Pacemaker's programs."""
