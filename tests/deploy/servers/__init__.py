"""The three brokers as real sites run them: started from the files of `deploy/`, homes let in by `telecare home`."""
