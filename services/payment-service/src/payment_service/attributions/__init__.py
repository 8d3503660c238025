"""Who cares for each member, as member-service tells: it decides who sees bills and payments."""
