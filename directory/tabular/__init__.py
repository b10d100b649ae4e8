"""People's tables, read and written without the database: CSV and Excel files, pasted lists.

Bytes become rows whose every cell knows its line and column, or a :class:`TabularError` with
problems for people. Left out: what the rows mean to the directory, and whether they change it.
"""
