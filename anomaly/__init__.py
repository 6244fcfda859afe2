"""Learns what is usual for each resident and finds deviations and faults."""
