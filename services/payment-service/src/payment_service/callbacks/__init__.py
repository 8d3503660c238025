"""What banks ask and tell us: SNAP BI services 73, 24 and 25, answered over the raw bytes."""
