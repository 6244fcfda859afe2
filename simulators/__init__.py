"""The pretend world at the wire: residents, hubs and the phone network, for the demo, the tests and the benchmarks."""
