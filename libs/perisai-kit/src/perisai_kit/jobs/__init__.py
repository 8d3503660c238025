"""Jobs: work that a transaction orders and a worker does later, at least once.

An order that is rolled back never was. A job may run twice, so what it does needs a unique key of
its own. Why pgqueuer: docs/adr/0021-jobs-on-pgqueuer.md.
"""
