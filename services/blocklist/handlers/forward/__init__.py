"""A database from a backup goes forward to what the topics know beyond it.

In this order: versions and events are read (`versions`, `cases`), directives and items follow from the events (`cases`), keys and
items are brought to agree (`settling`), what waits to be published is compared with what was (`queue`).
"""
