"""From the broker into the store: what a home sends is written before anybody is answered."""
