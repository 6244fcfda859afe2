"""Benchmarks: `telecare bench …`. Each starts what it needs on loopback ports, ends by itself, prints figures."""
