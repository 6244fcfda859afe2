"""The hub in the home: holds what its sensors say until the service has it. Runs on a Raspberry Pi; `telecare hub`."""
