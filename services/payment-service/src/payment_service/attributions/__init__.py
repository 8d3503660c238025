"""The attributions of members, from member-service; they decide who sees bills and payments."""
