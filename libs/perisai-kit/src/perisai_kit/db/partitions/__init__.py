"""Tables in partitions: what each is cut by, and how its partitions come and go.

`tables` declares, `maintain` makes, detaches and drops partitions as the owner, `convert` is for
migrations, and `watch` tells of rows that no partition was made for. See docs/retention.md.
"""
