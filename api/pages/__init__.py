"""Templates of the staff pages and how they are filled."""
