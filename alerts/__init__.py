"""Deviations and faults become alerts; alerts reach people, one notification at a time, until someone takes them on."""
