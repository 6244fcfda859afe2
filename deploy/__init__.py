"""Puts the parts together: the `telecare` command and the embedded stack for one machine."""
